"""A folder of clips becomes two data sets, for training and for validation, a shard for each part of a clip.

What was done of a clip is recorded beside the shards, so that the work goes on where it stopped: only the
clip that was in the making begins anew.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import get_args

from ...checks import require_whole
from ...dance import Dance
from ...errors import InvalidInput
from ...model.trained_on import ReferenceForm
from ...placement import place_json, storage_errors
from ...progress import Progress, no_progress
from ...shapes import ClipShape
from ...video.frame import Frame
from ...video.read import read_frames
from .crop import Crop
from .encode import Encoders, encode_clip
from .header import DatasetHeader, require_equal, write_header
from .records import REPORT, Record, Records, report_of
from .segments import person_segments
from .shard import write_shard
from .sources import Source, Split
from .stored_clip import StoredClip

SETTINGS = "settings.json"


@dataclass(frozen=True)
class PrepareSettings:
    """How clips are prepared.

    width, height: of the prepared clips in pixels. stride: one frame in so many is used; fps: instead, the
    stride that leaves about so many frames a second. least, most: frames of a prepared clip, longer ones are
    parted. references: how many frames of each may become the reference; form: as what it is shown.
    max_stride: the widest step that training takes through the frames that were used. validation: the part
    of the files that is kept apart, which `seed` draws.
    """

    width: int = 512
    height: int = 768
    stride: int = 2
    fps: float | None = None
    least: int = 32
    most: int = 256
    references: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 2
    validation: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        ClipShape(self.width, self.height)
        for name in ("stride", "least", "most", "references", "max_stride"):
            require_whole(name, getattr(self, name))
        if self.most < 2 * self.least:
            raise InvalidInput(
                f"most is {self.most}, but parts of {self.least} to {self.most} frames cannot be cut from "
                f"every longer clip: take at least {2 * self.least}."
            )
        if self.fps is not None and not self.fps > 0:
            raise InvalidInput(f"fps is {self.fps:g}: take more than 0, or leave it out.")
        if not 0 <= self.validation < 1:
            raise InvalidInput(f"validation is {self.validation:g}: choose a part of 0 or more and below 1.")

    def stride_at(self, fps: float) -> int:
        """Return the stride through a clip of `fps` frames a second."""
        return self.stride if self.fps is None else max(1, round(fps / self.fps))


class Preparation:
    """Prepared clips in a folder: the data sets `train` and `validation`, a record of each file, a report."""

    def __init__(self, folder: Path, settings: PrepareSettings, encoders: Encoders) -> None:
        """Begin, or go on with what is there.

        Raises InvalidInput where it was begun with other settings or networks, StorageError where nothing
        can be written.
        """
        self.folder, self.settings, self.encoders = folder, settings, encoders
        self.header = DatasetHeader(
            settings.width,
            settings.height,
            encoders.clip_dim,
            form=settings.form,
            max_stride=settings.max_stride,
            pictures="jpeg",
        )
        self.records = Records(folder / "records")
        _begin(folder / SETTINGS, asdict(settings))
        for split in get_args(Split):
            write_header(folder / split, self.header, encoders.text_context)

    def is_done(self, source: Source) -> bool:
        """Whether a clip was prepared as it is now; one that was skipped may do better another time."""
        record = self.records.read(source)
        if record is None or record.reason is not None or record.version != source.version:
            return False
        return len(self._shards(source)) == len(record.frames)

    def add(self, source: Source, dance: Dance, progress: Progress = no_progress) -> Record:
        """Encode a clip, all of whose frames are in `dance`, and record it.

        Raises InvalidInput where it shows nobody for long enough or cannot be decoded.
        """
        version = source.version
        self._remove(source)
        stride = self.settings.stride_at(dance.clip.fps)
        segments = person_segments(dance.poses, stride, self.settings.least, self.settings.most)
        indices = [index for segment in segments for index in segment]
        with closing(read_frames(dance.clip, indices=indices)) as frames:
            read = _counted(frames, len(indices), progress)
            for number, segment in enumerate(segments):
                part = self._encoded(dance, segment, islice(read, len(segment)))
                write_shard(self._shard(source, f"{number:04}"), [part], self.header)
        return self._recorded(source, version, [len(segment) for segment in segments])

    def skip(self, source: Source, reason: str) -> Record:
        """Record that nothing is made of a clip."""
        self._remove(source)
        return self._recorded(source, [], [], reason)

    def report(self, sources: Iterable[Source]) -> dict:
        """Write `report.json` of what was made of these clips, and return it; see `report_of`."""
        report = report_of(filter(None, map(self.records.read, sources)))
        place_json(self.folder / REPORT, report)
        return report

    def _encoded(self, dance: Dance, segment: range, frames: Iterable[Frame]) -> StoredClip:
        poses = dance.poses.select(segment).with_fps(dance.clip.fps / segment.step)
        aspect = self.settings.width / self.settings.height
        crop = Crop.around(poses, dance.clip.width, dance.clip.height, aspect)
        cut = map(crop.picture, frames)
        return encode_clip(self.encoders, self.header, cut, crop.poses(poses), self.settings.references)

    def _recorded(
        self, source: Source, version: list[int], frames: list[int], reason: str | None = None
    ) -> Record:
        record = Record(source.name, version, self._split(source), frames, reason)
        self.records.write(source, record)
        return record

    def _remove(self, source: Source) -> None:
        """Remove what an earlier version of the clip, or an interrupted run, has left."""
        for path in self._shards(source):
            with storage_errors(path):
                path.unlink()

    def _shards(self, source: Source) -> list[Path]:
        pattern = self._shard(source, "*")
        return list(pattern.parent.glob(pattern.name))

    def _shard(self, source: Source, part: str) -> Path:
        return self.folder / self._split(source) / f"shard-{source.key}-{part}.safetensors"

    def _split(self, source: Source) -> Split:
        return source.split(self.settings.validation, self.settings.seed)


def _begin(path: Path, settings: Mapping[str, object]) -> None:
    """Write the settings, or check that they are those of the clips there."""
    if not path.exists():
        place_json(path, settings)
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}): choose an empty folder.") from error
    require_equal(path.parent, there, settings)


def _counted(frames: Iterable[Frame], total: int, progress: Progress) -> Iterator[Frame]:
    for number, frame in enumerate(frames, 1):
        yield frame
        progress(number, total)
