"""A folder of clips becomes two data sets for Wan, for training and for validation, of one task at a time.

DIR/train, DIR/validation     data sets as `folder` tells, which both tasks fill
DIR/animation, DIR/ti2v       settings, records and report of each task
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from ...plus.shape import WanShape
from ...pose.skeleton import PoseSequence
from ...progress import Progress, no_progress
from ...video.frame import Frame
from ..data.books import SETTINGS, Books, begin_settings
from ..data.crop import Crop
from ..data.records import Record
from ..data.sources import Source, SourceSettings, Split
from .clip import WanClip
from .encode import encode_clip
from .encoders import ClipEncoders
from .folder import begin_folder, write_clip
from .footage import CAPTIONS, Footage
from .parts import Task


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
        self.books = Books(folder, files, folder / task, settings, beside)
        begin_settings(folder / SETTINGS, {"width": settings.width, "height": settings.height})
        for split in get_args(Split):
            begin_folder(folder / split, encoders.text(""))
        begin_settings(folder / task / SETTINGS, {**asdict(settings), "clip_dim": self._clip_dim})

    def add(self, source: Source, footage: Footage, progress: Progress = no_progress) -> Record:
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

    def _encoded(self, footage: Footage, window: range, frames: Iterable[Frame]) -> WanClip:
        clip, shape = footage.clip, self.settings.shape
        poses = None if footage.poses is None else footage.poses.select(window)
        shown = PoseSequence.empty(1, clip.width, clip.height) if poses is None else poses
        crop = Crop.around(shown, clip.width, clip.height, shape.width / shape.height)
        moved = None if poses is None else crop.poses(poses)
        return encode_clip(self.encoders, shape, map(crop.picture, frames), footage.caption, moved)
