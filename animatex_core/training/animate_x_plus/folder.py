"""Data set of encoded clips for Wan: one folder per task, one safetensors file per clip.

    DATA/clips.json               version of the format
    DATA/empty_text.safetensors   text_context, the text encoder states of the empty prompt
    DATA/animation/NAME.safetensors
    DATA/ti2v/NAME.safetensors

A file holds the tensors of `WanClip` under their names, in any floating point type. An animation file also
holds poses, reference_pose and driving_poses (frames, 130, 3) as in `PoseSequence.points`, and
driving_features (frames, clip_dim). The metadata holds the caption and the image size of the poses.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures
from ...checkpoints.safe_load import open_tensors, read_metadata
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...errors import CheckpointError, InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.documents import document_errors, parse_json, read_json
from ...utils.files import atomic_write
from ...utils.text import first_sentence
from ..data.settings import Task
from .clip import DrivingFeatures, WanClip

VERSION = 1
HEADER, EMPTY, CAPTION = "clips.json", "empty_text.safetensors", "caption"
TOLERANCE = 0.05  # the outputs of one text encoder differ by less between devices
TENSORS = ("latents", "image_latents", "clip_features", "text_context")
POSES = ("poses", "reference_pose", "driving_poses")


@dataclass(frozen=True)
class WanClipFolder:
    """`WanClips` in a folder. Files are opened on access and memory-mapped."""

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> "WanClipFolder":
        """Open the data set in a folder.

        Raises:
            InvalidInput: If the folder holds no such data set.

        """
        folder = cls(Path(path))
        fault = f"{str(path)!r} is not a folder of clips for Wan"
        with document_errors(fault, f"give one that contains {HEADER}"):
            version = read_json(folder.path / HEADER)["version"]
        if version != VERSION:
            raise InvalidInput(
                f"The clips in {path} have version {version}, but this library reads version {VERSION}: "
                "encode them again."
            )
        return folder

    @cached_property
    def empty_text(self) -> Tensor:
        """Text encoder states (tokens, text_dim) of the empty prompt."""
        path = self.path / EMPTY
        tensors = self._tensors(path)
        if "text_context" not in tensors:
            raise InvalidInput(f"{path} holds no text_context: encode the clips again.")
        return tensors["text_context"].clone()

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The files of each task."""
        return {task: sorted((self.path / task).glob("*.safetensors")) for task in get_args(Task)}

    def count(self, task: Task) -> int:
        """Return the number of clips of a task.

        Raises:
            InvalidInput: If there are none.

        """
        if not self.files[task]:
            raise InvalidInput(f"{self.path / task} holds no clips: add some, or remove {task} from batches.")
        return len(self.files[task])

    def clip(self, task: Task, index: int) -> WanClip:
        """Return a clip.

        Raises:
            InvalidInput: If the file is damaged.

        """
        path = self.files[task][index]
        tensors = self._tensors(path)
        try:
            dance = self._dance(path, tensors) if task == "animation" else None
            return WanClip(**{name: tensors[name] for name in TENSORS}, dance=dance)
        except (KeyError, ValueError) as error:
            raise InvalidInput(f"The clip {path} is incomplete ({error}): encode it again.") from error

    def pool(self) -> list[PoseSequence]:
        """Return the poses of all animation clips."""
        return [self._poses(path, self._tensors(path))[0] for path in self.files["animation"]]

    def _dance(self, path: Path, tensors: Mapping[str, Tensor]) -> DrivingFeatures:
        poses, reference, driving = self._poses(path, tensors)
        motion = MotionFeatures(tensors["driving_features"], driving, driving.width, driving.height)
        return DrivingFeatures(poses, reference, motion)

    def _poses(self, path: Path, tensors: Mapping[str, Tensor]) -> list[PoseSequence]:
        metadata = read_metadata(path)
        try:
            return [
                PoseSequence.from_points(tensors[name].float().numpy(), *parse_json(metadata[name]))
                for name in POSES
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"The clip {path} is incomplete ({first_sentence(error)}): encode it again."
            ) from error

    def _tensors(self, path: Path) -> Mapping[str, Tensor]:
        try:
            return open_tensors(path, weights=False)
        except CheckpointError as error:
            raise InvalidInput(f"The clip {path} cannot be read ({error}): encode it again.") from error


def begin_folder(path: Path, empty_text: Tensor) -> None:
    """Create a data set, or check that an existing one uses the same text encoder.

    Args:
        path: Folder of the data set.
        empty_text: Text encoder states (tokens, text_dim) of the empty prompt.

    Raises:
        InvalidInput: If the folder holds clips of another text encoder.
        StorageError: If a file cannot be written.

    """
    if (path / HEADER).exists():
        _require_same_text(path, empty_text)
        return
    _write(path / EMPTY, {"text_context": empty_text}, {})
    with atomic_write(path / HEADER) as file:
        file.write(json.dumps({"version": VERSION}).encode())


def write_clip(
    path: Path, task: Task, name: str, clip: WanClip, caption: str, dtype: torch.dtype = torch.float16
) -> None:
    """Write a clip into a data set that `begin_folder` created.

    Args:
        path: Folder of the data set.
        task: Task of the clip.
        name: File name without suffix.
        clip: The encoded clip.
        caption: Its prompt, stored in the metadata.
        dtype: Data type of everything but the poses.

    Raises:
        StorageError: If the file cannot be written.

    """
    tensors = {entry: getattr(clip, entry).to(dtype) for entry in TENSORS}
    metadata = {CAPTION: caption}
    if clip.dance is not None:
        tensors["driving_features"] = clip.dance.motion.clip.to(dtype)
        sequences = clip.dance.poses, clip.dance.reference_pose, clip.dance.motion.poses
        for entry, poses in zip(POSES, sequences, strict=True):
            tensors[entry] = torch.from_numpy(poses.points)
            metadata[entry] = json.dumps([poses.width, poses.height])
    _write(path / task / f"{name}.safetensors", tensors, metadata)


def _require_same_text(path: Path, empty_text: Tensor) -> None:
    stored, given = WanClipFolder.open(path).empty_text.float(), empty_text.float()
    # Not bit-identical: a preparation may be resumed on another device.
    if stored.shape != given.shape or not torch.allclose(stored, given, rtol=TOLERANCE, atol=TOLERANCE):
        raise InvalidInput(f"{path} holds clips of another text encoder: choose an empty folder.")


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_safetensors(path, tensor_layout(contiguous), contiguous.items(), metadata)
