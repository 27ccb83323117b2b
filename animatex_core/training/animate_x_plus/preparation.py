"""A folder of videos becomes two data sets for Wan, for training and for validation."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from ...animate_x_plus.preprocessing import TYPICAL_PROMPT
from ...animate_x_plus.shapes import WanShape
from ...driving import DrivingClip
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.documents import read_text
from ...utils.progress import Progress, no_progress
from ...video.image import Frame
from ...video.info import VideoInfo, count_frames, probe
from ..data.manifest import SETTINGS, PreparationManifest, Record, begin_settings
from ..data.selection import Crop, person_segments
from ..data.sources import Source, SourceSettings, Split
from .clip import WanClip
from .encoding import ClipEncoders, encode_clip
from .folder import begin_folder, write_clip
from .trainable_parts import Task

CAPTIONS = ".txt"


@dataclass(frozen=True)
class SourceClip:
    """A clip, a caption, and poses of all its frames, or None in the TI2V task, where nobody need be seen."""

    clip: VideoInfo
    caption: str
    length: int
    poses: PoseSequence | None = None

    @classmethod
    def of_dance(cls, dance: DrivingClip) -> "SourceClip":
        """Take all frames of a dance; they all say the same, as the released prompts begin."""
        return cls(dance.clip, TYPICAL_PROMPT, len(dance.poses), dance.poses)

    @classmethod
    def captioned(cls, source: Source) -> "SourceClip":
        """Read a clip with the caption beside it; raises InvalidInput where one of them cannot be read."""
        caption, clip = read_caption(source), probe(source.path)
        return cls(clip, caption, count_frames(clip))

    def windows(self, frames: int, stride: int) -> list[range]:
        """Choose one frame in `stride`, and cut as many parts of exactly `frames` as there are.

        A dance is cut where it shows a person. What is left at the end of a run is left out. Raises
        InvalidInput where nothing is long enough.
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
                f"The clip has {len(whole)} frames at a stride of {stride}, but {frames} are needed: give a "
                "longer clip, or lower --frames."
            )
        return [whole]


def read_caption(source: Source) -> str:
    """Return the text in NAME.txt beside a clip; raises InvalidInput for none."""
    path = source.beside(CAPTIONS)
    try:
        caption = read_text(path).strip()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The caption {path.name} cannot be read ({error}): put one beside the clip, in UTF-8."
        ) from error
    if not caption:
        raise InvalidInput(f"The caption {path.name} is empty: write what the clip shows and what moves.")
    return caption


@dataclass(frozen=True)
class WanPrepareSettings(SourceSettings):
    """How clips are prepared: width and height in pixels, multiples of 16, and frames, 4n + 1."""

    width: int = 480
    height: int = 832
    frames: int = 81

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.shape  # refuses what cannot be

    @property
    def shape(self) -> WanShape:
        """Of every clip."""
        return WanShape(self.width, self.height, self.frames)


class WanPreparation:
    """Prepared clips of a task in a folder, which may hold those of the other one, too."""

    def __init__(
        self, folder: Path, task: Task, settings: WanPrepareSettings, encoders: ClipEncoders
    ) -> None:
        """Begin, or go on with what is there.

        Raises InvalidInput where it was begun with other settings or networks, StorageError where nothing
        can be written.
        """
        self.task, self.settings, self.encoders = task, settings, encoders
        beside = CAPTIONS if task == "ti2v" else None
        files = f"{{split}}/{task}/{{key}}-{{part}}.safetensors"
        self.books = PreparationManifest(folder, files, folder / task, settings, beside)
        begin_settings(folder / SETTINGS, {"width": settings.width, "height": settings.height})
        for split in get_args(Split):
            begin_folder(folder / split, encoders.text(""))
        begin_settings(folder / task / SETTINGS, {**asdict(settings), "clip_dim": self._clip_dim})

    def add(self, source: Source, footage: SourceClip, progress: Progress = no_progress) -> Record:
        """Encode a clip and record it.

        Raises InvalidInput where it is too short, shows nobody for long enough or cannot be decoded, or
        where a network answers with NaN or infinity.
        """
        windows = footage.windows(self.settings.frames, self.settings.stride_at(footage.clip.fps))

        def write(path: Path, window: range, frames: Iterable[Frame]) -> None:
            clip = self._encoded(footage, window, frames)
            write_clip(path.parent.parent, self.task, path.stem, clip, footage.caption)

        return self.books.add(source, footage.clip, windows, write, progress)

    @property
    def _clip_dim(self) -> int:
        if self.task == "ti2v":
            return 0
        return self.encoders.frames([np.zeros((8, 8, 3), np.uint8)]).shape[1]

    def _encoded(self, footage: SourceClip, window: range, frames: Iterable[Frame]) -> WanClip:
        clip, shape = footage.clip, self.settings.shape
        poses = None if footage.poses is None else footage.poses.select(window)
        shown = PoseSequence.empty(1, clip.width, clip.height) if poses is None else poses
        crop = Crop.around(shown, clip.width, clip.height, shape.width / shape.height)
        moved = None if poses is None else crop.poses(poses)
        return encode_clip(self.encoders, shape, map(crop.picture, frames), footage.caption, moved)
