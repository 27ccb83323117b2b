"""A job for tests of the batch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileJob:
    """A job whose result is a small file."""

    folder: Path
    name: str
    digest: str = "1"

    @property
    def out(self) -> Path:
        return self.folder / self.name
