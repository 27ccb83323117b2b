"""Turns a folder of videos into data sets for Wan, one for training and one for validation."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from ...animate_x_plus.defaults import TYPICAL_PROMPT
from ...driving import DrivingClip
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.documents import read_text
from ...utils.progress import Progress, no_progress
from ...video.image import Frame
from ...video.info import VideoInfo, count_frames, probe
from ..data.manifest import SETTINGS, PreparationManifest, Record, write_or_match_settings
from ..data.selection import Crop, person_segments
from ..data.settings import CAPTIONS, Task, WanPrepareSettings
from ..data.sources import Source, Split
from .clip import WanClip
from .encoding import ClipEncoders, encode_clip
from .folder import begin_folder, write_clip


@dataclass(frozen=True)
class SourceClip:
    """A video to prepare.

    Attributes:
        clip: The video.
        caption: Its prompt.
        length: Number of frames.
        poses: Poses of all frames. None in the TI2V task, which needs no people.

    """

    clip: VideoInfo
    caption: str
    length: int
    poses: PoseSequence | None = None

    @classmethod
    def of_dance(cls, dance: DrivingClip) -> "SourceClip":
        """Use all frames of a driving video, with the prompt that the official examples begin with."""
        return cls(dance.clip, TYPICAL_PROMPT, len(dance.poses), dance.poses)

    @classmethod
    def captioned(cls, source: Source) -> "SourceClip":
        """Open a video and the caption next to it.

        Raises:
            InvalidInput: If one of them cannot be read.

        """
        caption, clip = read_caption(source), probe(source.path)
        return cls(clip, caption, count_frames(clip))

    def windows(self, frames: int, stride: int) -> list[range]:
        """Cut the video into parts of exactly `frames` frames, taking every `stride`-th frame.

        Animation clips are cut from runs of frames that show a person. Remaining frames are left out.

        Raises:
            InvalidInput: If no run is long enough.

        """
        return [
            run[start : start + frames]
            for run in self._runs(frames, stride)
            for start in range(0, len(run) - frames + 1, frames)
        ]

    def _runs(self, frames: int, stride: int) -> list[range]:
        if self.poses is not None:
            return person_segments(self.poses, stride, frames, most=self.length, option="--frames")
        whole = range(0, self.length, stride)
        if len(whole) < frames:
            raise InvalidInput(
                f"The video has {len(whole)} frames at a stride of {stride}, but {frames} are needed: use a "
                "longer video, or lower --frames."
            )
        return [whole]


def read_caption(source: Source) -> str:
    """Return the text in NAME.txt next to a video.

    Raises:
        InvalidInput: If there is none, or it cannot be read.

    """
    path = source.sidecar(CAPTIONS)
    try:
        caption = read_text(path).strip()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The caption {path.name} cannot be read ({error}): put a UTF-8 text file next to the video."
        ) from error
    if not caption:
        raise InvalidInput(f"The caption {path.name} is empty: describe what the video shows and what moves.")
    return caption


class WanPreparation:
    """The prepared clips of one task in a folder, which may also hold those of the other task.

    Args:
        folder: The folder.
        task: The task.
        settings: How videos are prepared.
        encoders: The models.

    """

    def __init__(
        self, folder: Path, task: Task, settings: WanPrepareSettings, encoders: ClipEncoders
    ) -> None:
        self.task, self.settings, self.encoders = task, settings, encoders
        sidecar = CAPTIONS if task == "ti2v" else None
        files = f"{{split}}/{task}/{{key}}-{{part}}.safetensors"
        self.manifest = PreparationManifest(folder, files, folder / task, settings, sidecar)

    def begin(self) -> None:
        """Create the data sets, or resume a preparation.

        Raises:
            InvalidInput: If the folder was prepared with other settings or models.
            StorageError: If a file cannot be written.

        """
        folder, settings = self.manifest.root, self.settings
        write_or_match_settings(folder / SETTINGS, {"width": settings.width, "height": settings.height})
        for split in get_args(Split):
            begin_folder(folder / split, self.encoders.text(""))
        own = {**asdict(settings), "clip_dim": self._clip_dim}
        write_or_match_settings(self.manifest.folder / SETTINGS, own)

    def add(self, source: Source, video: SourceClip, progress: Progress = no_progress) -> Record:
        """Encode a video and record it.

        Args:
            source: The file.
            video: Its content.
            progress: Called with the number of encoded and of all frames.

        Returns:
            The record of the video.

        Raises:
            InvalidInput: If the video is too short, shows no person for long enough or cannot be decoded, or
                if an encoder returns NaN or infinity.

        """
        windows = video.windows(self.settings.frames, self.settings.stride_at(video.clip.fps))

        def write(path: Path, window: range, frames: Iterable[Frame]) -> None:
            clip = self._encode(video, window, frames)
            write_clip(path.parent.parent, self.task, path.stem, clip, video.caption)

        return self.manifest.add(source, video.clip, windows, write, progress)

    @property
    def _clip_dim(self) -> int:
        if self.task == "ti2v":
            return 0
        return self.encoders.frames([np.zeros((8, 8, 3), np.uint8)]).shape[1]

    def _encode(self, video: SourceClip, window: range, frames: Iterable[Frame]) -> WanClip:
        clip, shape = video.clip, self.settings.shape
        poses = None if video.poses is None else video.poses.select(window)
        centred_on = PoseSequence.empty(1, clip.width, clip.height) if poses is None else poses
        crop = Crop.around(centred_on, clip.width, clip.height, shape.width / shape.height)
        cropped = None if poses is None else crop.poses(poses)
        return encode_clip(self.encoders, shape, map(crop.image, frames), video.caption, cropped)
