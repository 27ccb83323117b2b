"""The manifest of a preparation: a record for each video, and the report on all of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import get_args

from ...errors import InvalidInput
from ...utils.documents import document_errors, read_json
from ...utils.files import storage_errors, write_json
from ...utils.progress import Progress, no_progress
from ...video.image import Frame
from ...video.info import VideoInfo
from ...video.reader import read_frames
from .header import require_equal
from .settings import SourceSettings
from .sources import Source, Split

REPORT, SETTINGS = "report.json", "settings.json"

WritePart = Callable[[Path, range, Iterable[Frame]], None]
"""Encodes one part of a video: called with the file to write, the indices of the frames, and the frames."""


@dataclass(frozen=True)
class Record:
    """The result of preparing one video.

    Attributes:
        name: Name of the video, as `Source.name`.
        version: Version of the file, as `Source.version`.
        split: The data set that it belongs to.
        frames: Number of frames of each prepared part.
        reason: Why the video was skipped, or None.

    """

    name: str
    version: list[int]
    split: Split
    frames: list[int]
    reason: str | None = None


@dataclass(frozen=True)
class Records:
    """The records in a folder, one file per video."""

    folder: Path

    def read(self, source: Source) -> Record | None:
        """Return the record of a video, None if there is none or it is damaged."""
        try:
            record = Record(**read_json(self.path(source)))
        except (OSError, ValueError, TypeError):
            return None
        return record if _is_sound(record) else None

    def write(self, source: Source, record: Record) -> None:
        """Write a record.

        Raises:
            StorageError: If it cannot be written.

        """
        write_json(self.path(source), asdict(record))

    def path(self, source: Source) -> Path:
        """Return the file of a record."""
        return self.folder / f"{source.name}.json"


def summarize(records: Iterable[Record]) -> dict:
    """Summarize records: the numbers of files, clips and frames of each split, and why files were skipped."""
    listed = list(records)
    report: dict = {"skipped": {record.name: record.reason for record in listed if record.reason}}
    for split in get_args(Split):
        parts = [record.frames for record in listed if record.split == split and record.frames]
        report[split] = {"files": len(parts), "clips": sum(map(len, parts)), "frames": sum(map(sum, parts))}
    return report


def _is_sound(record: Record) -> bool:
    """Whether the values of a record have the types of its fields."""
    numbers = (record.version, record.frames)
    return (
        isinstance(record.name, str)
        and all(isinstance(each, list) and all(type(number) is int for number in each) for each in numbers)
        and record.split in get_args(Split)
        and isinstance(record.reason, str | None)
    )


@dataclass(frozen=True)
class PreparationManifest:
    """The files of prepared clips, and their records.

    Attributes:
        root: Folder of the files.
        files: Pattern of their names, with the fields `split`, `key` and `part`.
        folder: Folder of the records and the report.
        settings: Settings of the preparation.
        sidecar: Suffix of the file next to each video that is encoded with it, or None.

    """

    root: Path
    files: str
    folder: Path
    settings: SourceSettings
    sidecar: str | None = None

    def is_done(self, source: Source) -> bool:
        """Whether the current version of a video has been prepared. Skipped videos are tried again."""
        record = self._records.read(source)
        if record is None or record.reason is not None or record.version != self._version(source):
            return False
        return len(self._files(source)) == len(record.frames)

    def add(
        self,
        source: Source,
        clip: VideoInfo,
        parts: Sequence[range],
        write: WritePart,
        progress: Progress = no_progress,
    ) -> Record:
        """Write the parts of a video, in the order of its frames, and record them.

        Args:
            source: The file.
            clip: Its video.
            parts: Frame indices of each part.
            write: Writes one part.
            progress: Called with the number of frames read and the number of all frames.

        Returns:
            The record.

        Raises:
            InvalidInput: If the video cannot be read, and whatever `write` raises.

        """
        version = self._version(source)
        self._remove(source)
        indices = [index for part in parts for index in part]
        with closing(read_frames(clip, indices=indices)) as frames:
            read = _counted(frames, len(indices), progress)
            for number, part in enumerate(parts):
                write(self._file(source, f"{number:04}"), part, islice(read, len(part)))
        return self._recorded(source, version, [len(part) for part in parts])

    def skip(self, source: Source, reason: str) -> Record:
        """Record that a video is skipped."""
        self._remove(source)
        return self._recorded(source, [], [], reason)

    def reason(self, source: Source) -> str | None:
        """Return why a video was skipped; None if it was not."""
        record = self._records.read(source)
        return None if record is None else record.reason

    def record_file(self, source: Source) -> Path:
        """Return the file of the record of a video."""
        return self._records.path(source)

    def report(self, sources: Iterable[Source]) -> dict:
        """Write `report.json` on these videos and return it; see `report_of`."""
        report = summarize(filter(None, map(self._records.read, sources)))
        write_json(self.folder / REPORT, report)
        return report

    @property
    def _records(self) -> Records:
        return Records(self.folder / "records")

    def _version(self, source: Source) -> list[int]:
        return source.version if self.sidecar is None else source.version_with(self.sidecar)

    def _recorded(
        self, source: Source, version: list[int], frames: list[int], reason: str | None = None
    ) -> Record:
        record = Record(source.name, version, self._split(source), frames, reason)
        self._records.write(source, record)
        return record

    def _remove(self, source: Source) -> None:
        """Remove files of an earlier version of the video or of an interrupted run."""
        for path in self._files(source):
            with storage_errors(path):
                path.unlink()

    def _files(self, source: Source) -> list[Path]:
        pattern = self._file(source, "*")
        return list(pattern.parent.glob(pattern.name))

    def _file(self, source: Source, part: str) -> Path:
        return self.root / self.files.format(split=self._split(source), key=source.key, part=part)

    def _split(self, source: Source) -> Split:
        return source.split(self.settings.validation, self.settings.seed)


def write_or_match_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Write the settings, or check that they equal those in the file.

    Raises:
        InvalidInput: If the file is damaged or holds other settings.
        StorageError: If it cannot be written.

    """
    if not path.exists():
        write_json(path, settings)
        return
    with document_errors(f"{path} cannot be read", "choose an empty folder"):
        stored = read_json(path)
    if not isinstance(stored, Mapping):
        raise InvalidInput(f"{path} holds no settings: choose an empty folder.")
    require_equal(path.parent, stored, settings)


def _counted(frames: Iterable[Frame], total: int, progress: Progress) -> Iterator[Frame]:
    for number, frame in enumerate(frames, 1):
        yield frame
        progress(number, total)
