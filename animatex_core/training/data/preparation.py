"""A folder of clips becomes two data sets, for training and for validation, a shard a part of a clip."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from ...animate_x.shapes import ClipShape
from ...animate_x.training_spec import ReferenceForm
from ...driving import DrivingClip
from ...errors import InvalidInput
from ...utils.progress import Progress, no_progress
from ...utils.validation import require_int
from ...video.image import Frame
from .clip import StoredClip
from .encoding import Encoders, encode_clip
from .header import DatasetHeader, write_header
from .manifest import SETTINGS, PreparationManifest, Record, begin_settings
from .selection import Crop, person_segments
from .shard import write_shard
from .sources import Source, SourceSettings, Split


@dataclass(frozen=True)
class PrepareSettings(SourceSettings):
    """How clips are prepared.

    width, height: of the prepared clips in pixels. least, most: frames of a prepared clip, longer ones are
    parted. references: how many frames of each may become the reference; form: as what it is shown.
    max_stride: the widest step that training takes through the frames that were used.
    """

    stride: int = 2
    width: int = 512
    height: int = 768
    least: int = 32
    most: int = 256
    references: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        ClipShape(self.width, self.height)
        for name in ("least", "most", "references", "max_stride"):
            require_int(name, getattr(self, name))
        if self.most < 2 * self.least:
            raise InvalidInput(
                f"most is {self.most}, but parts of {self.least} to {self.most} frames cannot be cut from "
                f"every longer clip: take at least {2 * self.least}."
            )


class Preparation:
    """Prepared clips in a folder: the data sets `train` and `validation`, a record of each file, a report."""

    def __init__(self, folder: Path, settings: PrepareSettings, encoders: Encoders) -> None:
        """Begin, or go on with what is there.

        Raises InvalidInput where it was begun with other settings or networks, StorageError where nothing
        can be written.
        """
        self.settings, self.encoders = settings, encoders
        self.manifest = PreparationManifest(
            folder, "{split}/shard-{key}-{part}.safetensors", folder, settings
        )
        self.header = DatasetHeader(
            settings.width,
            settings.height,
            encoders.clip_dim,
            form=settings.form,
            max_stride=settings.max_stride,
            pictures="jpeg",
        )
        begin_settings(folder / SETTINGS, asdict(settings))
        for split in get_args(Split):
            write_header(folder / split, self.header, encoders.text_context)

    def add(self, source: Source, dance: DrivingClip, progress: Progress = no_progress) -> Record:
        """Encode a clip, all of whose frames are in `dance`, and record it.

        Raises InvalidInput where it shows nobody for long enough or cannot be decoded.
        """
        stride = self.settings.stride_at(dance.clip.fps)
        segments = person_segments(dance.poses, stride, self.settings.least, self.settings.most)

        def write(path: Path, segment: range, frames: Iterable[Frame]) -> None:
            write_shard(path, [self._encoded(dance, segment, frames)], self.header)

        return self.manifest.add(source, dance.clip, segments, write, progress)

    def _encoded(self, dance: DrivingClip, segment: range, frames: Iterable[Frame]) -> StoredClip:
        poses = dance.poses.select(segment).with_fps(dance.clip.fps / segment.step)
        aspect = self.settings.width / self.settings.height
        crop = Crop.around(poses, dance.clip.width, dance.clip.height, aspect)
        cut = map(crop.picture, frames)
        return encode_clip(self.encoders, self.header, cut, crop.poses(poses), self.settings.references)
