"""The clips of a folder, and which of them are kept apart for validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from ...errors import InvalidInput
from ...video.files import find_clips

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class Source:
    """A clip in a file. name: its path within the folder, with forward slashes on every system."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.name

    @property
    def key(self) -> str:
        """What files that are made of it are called: 16 hexadecimal digits."""
        return sha256(self.name.encode()).hexdigest()[:16]

    @property
    def version(self) -> list[int]:
        """Changes with the file: its size in bytes and when it was written; nothing where it is gone."""
        try:
            state = self.path.stat()
        except OSError:
            return []
        return [state.st_size, state.st_mtime_ns]

    def split(self, validation: float, seed: int) -> Split:
        """Return whether it is for training or, with this probability, for validation.

        It depends on the name and the seed alone, so that it stays where it is when others are added.
        """
        drawn = int(sha256(f"{seed}/{self.name}".encode()).hexdigest()[:13], 16) / 16**13
        return "validation" if drawn < validation else "train"


def find_sources(folder: Path) -> list[Source]:
    """Return the clips in a folder and its subfolders, by name; raises InvalidInput where there are none."""
    names = list(find_clips(folder))
    _require_own_poses(names)
    return [Source(folder, name) for name in names]


def _require_own_poses(names: Sequence[str]) -> None:
    """Refuse names that differ in their suffixes alone: their poses would be in one file."""
    known: dict[str, str] = {}
    for name in names:
        stem = name.rpartition(".")[0]
        other = known.setdefault(stem, name)
        if other != name:
            raise InvalidInput(f"{other} and {name} would share {stem}.json: rename one of them.")
