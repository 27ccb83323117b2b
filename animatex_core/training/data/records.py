"""What was made of each clip of a folder, one file a clip, and the report of them all."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from ...placement import place_json
from ...plain_files import read_json
from .sources import Source, Split

REPORT = "report.json"


@dataclass(frozen=True)
class Record:
    """What was made of one clip.

    version: of the file, as `Source.version`. frames: of each part that was prepared; reason: why there is
    none.
    """

    name: str
    version: list[int]
    split: Split
    frames: list[int]
    reason: str | None = None


@dataclass(frozen=True)
class Records:
    """The records in a folder, each under the name of its clip."""

    folder: Path

    def read(self, source: Source) -> Record | None:
        """Return the record of a clip, None where there is none or it is damaged."""
        try:
            record = Record(**read_json(self._path(source)))
        except (OSError, ValueError, TypeError):
            return None
        return record if _is_sound(record) else None

    def write(self, source: Source, record: Record) -> None:
        """Keep a record; raises StorageError."""
        place_json(self._path(source), asdict(record))

    def _path(self, source: Source) -> Path:
        return self.folder / f"{source.name}.json"


def report_of(records: Iterable[Record]) -> dict:
    """Return how many clips and frames there are of each split, and which files were skipped and why."""
    known = list(records)
    report: dict = {"skipped": {record.name: record.reason for record in known if record.reason}}
    for split in get_args(Split):
        parts = [record.frames for record in known if record.split == split and record.frames]
        report[split] = {"files": len(parts), "clips": sum(map(len, parts)), "frames": sum(map(sum, parts))}
    return report


def _is_sound(record: Record) -> bool:
    """Whether the values of a record that was read are of the types that were written."""
    numbers = (record.version, record.frames)
    return (
        isinstance(record.name, str)
        and all(isinstance(each, list) and all(type(number) is int for number in each) for each in numbers)
        and record.split in get_args(Split)
        and isinstance(record.reason, str | None)
    )
