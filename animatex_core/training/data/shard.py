"""A shard: one memory-mapped file of clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures
from ...animate_x.puppet_condition import PuppetCondition
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...encoders.preprocessing import to_unit_floats
from ...errors import CheckpointError, InvalidInput
from ...pose.keypoints import PoseSequence, seen
from .arrays import array_shapes, shard_arrays
from .clip import StoredClip, TrainingClip, decode_image
from .header import DatasetHeader

REMEDY = "delete the file, and prepare its clips again"

Rows = np.ndarray | list[int]


def write_shard(path: Path, clips: Sequence[StoredClip], header: DatasetHeader) -> None:
    """Write clips into one file, which appears under its name when it is complete.

    Args:
        path: The file.
        clips: The clips.
        header: Size and format of the clips of the data set.

    Raises:
        StorageError: If the file cannot be written.

    """
    arrays = shard_arrays(clips, header)
    write_safetensors(path, tensor_layout(arrays), arrays.items(), {})


@dataclass(frozen=True, eq=False)
class Shard:
    """The clips of an open file, in the arrays that `arrays.array_forms` describes."""

    path: Path
    header: DatasetHeader
    arrays: dict[str, np.ndarray]

    @classmethod
    def open(cls, path: Path, header: DatasetHeader) -> "Shard":
        """Memory-map a file.

        Raises:
            InvalidInput: If the file is damaged or does not fit the header.

        """
        try:
            arrays = {name: tensor.numpy() for name, tensor in open_tensors(path, weights=False).items()}
        except CheckpointError as error:
            fault, _, _ = str(error).rpartition(": ")  # without the remedy, which is for weights
            raise InvalidInput(f"{fault}: {REMEDY}.") from error
        forms = array_shapes(header)
        if {name: array.shape[1:] for name, array in arrays.items()} != forms:
            raise InvalidInput(f"{path} holds clips of another format than its data set: {REMEDY}.")
        return cls(path, header, arrays)

    @property
    def frames(self) -> np.ndarray:
        """Number of frames of each clip, (n,) int64."""
        return self.arrays["frames"]

    def reference_frames(self, clip: int) -> list[int]:
        """Return the index of each reference in the clip, -1 if it is not a frame of the clip."""
        first, stop = self._reference_ends[clip : clip + 2]
        return self.arrays["reference_frames"][first:stop].tolist()

    def poses(self, clip: int, indices: range) -> PoseSequence:
        """Return the character's poses in these frames of a clip."""
        rows = self._frame_ends[clip] + np.asarray(indices)
        rate = self.arrays["fps"][clip, 0] / indices.step
        return self._poses("points", rows, self.arrays["sizes"][clip, :2], rate)

    def sample(self, clip: int, indices: range, reference: int) -> TrainingClip:
        """Return frames of a clip with one of its references.

        Args:
            clip: Index of the clip in this shard.
            indices: The frames, evenly spaced.
            reference: Index of the reference among those of the clip.

        Raises:
            InvalidInput: The image of the reference is damaged.

        """
        rows = self._frame_ends[clip] + np.asarray(indices)
        poses = self.poses(clip, indices)
        return TrainingClip(
            latents=self._latents("latents", rows),
            reference=self._reference(self._reference_ends[clip] + reference),
            poses=poses,
            motion=self._motion(clip, indices, poses),
            puppet=self._puppet(rows) if self.header.puppet else None,
        )

    def _puppet(self, rows: np.ndarray) -> PuppetCondition:
        alpha = torch.from_numpy(self.arrays["puppet_alpha"][rows])
        return PuppetCondition(_floats(self.arrays["puppet"][rows]), to_unit_floats(alpha, torch.float32))

    def _latents(self, name: str, rows: np.ndarray) -> Tensor:
        return _floats(self.arrays[name][rows]).transpose(0, 1)

    def _motion(self, clip: int, indices: range, own: PoseSequence) -> MotionFeatures:
        features = _floats(self.arrays["features"][self._frame_ends[clip] + np.asarray(indices)])
        sizes, rate = self.arrays["sizes"][clip], self.arrays["fps"][clip, 1] / indices.step
        poses = own
        if self.arrays["driver_frames"][clip]:
            rows = self._driver_ends[clip] + np.asarray(indices)
            poses = self._poses("driver_points", rows, sizes[2:4], rate)
        return MotionFeatures(features, poses, int(sizes[4]), int(sizes[5]))

    def _reference(self, row: int) -> ReferenceFeatures:
        pose = self._poses("reference_points", [row], self.arrays["reference_sizes"][row], 0.0)
        form = self.header.form
        return ReferenceFeatures(
            picture=self._picture(row),
            embedding=_floats(self.arrays["embeddings"][row : row + 1]),
            pose=pose if seen(pose.points).any() else None,
            latents=None if form == "picture" else _floats(self.arrays["reference_latents"][row : row + 1]),
            shows_picture=form != "latents",
        )

    def _picture(self, row: int) -> np.ndarray:
        ends, header = self.arrays["picture_ends"], self.header
        data = self.arrays["pictures"][ends[row - 1] if row else 0 : ends[row]]
        try:
            return decode_image(data, header.pictures, header.width, header.height)
        except OSError as error:  # the base class of Pillow's errors
            raise InvalidInput(f"An image in {self.path} is damaged: {REMEDY}.") from error

    def _poses(self, name: str, rows: Rows, size: np.ndarray, fps: float) -> PoseSequence:
        width, height = size.tolist()
        return PoseSequence.from_points(self.arrays[name][rows], width, height, float(fps) or None)

    @cached_property
    def _frame_ends(self) -> np.ndarray:
        return _ends(self.arrays["frames"])

    @cached_property
    def _driver_ends(self) -> np.ndarray:
        return _ends(self.arrays["driver_frames"])

    @cached_property
    def _reference_ends(self) -> np.ndarray:
        return _ends(self.arrays["references"])


def _ends(counts: np.ndarray) -> np.ndarray:
    """Row offsets of the clips, and the end of the last one: (n + 1,)."""
    return np.concatenate([[0], counts.cumsum()])


def _floats(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
