"""The videos of a folder, and their split into training and validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from ...errors import InvalidInput
from ...video.files import find_videos

NAME_ERRORS = "surrogatepass"  # accepts file names that are not UTF-8

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class Source:
    """A video file. `name` is its path relative to the folder, with forward slashes on every system."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.folder / self.name

    @property
    def key(self) -> str:
        """Name of the files that are made from it: 16 hexadecimal digits."""
        return sha256(self.name.encode(errors=NAME_ERRORS)).hexdigest()[:16]

    @property
    def version(self) -> list[int]:
        """Size in bytes and modification time of the file; empty if it does not exist."""
        return _version(self.path)

    def sidecar(self, suffix: str) -> Path:
        """Return the path with another suffix."""
        return self.path.with_suffix(suffix)

    def version_with(self, suffix: str) -> list[int]:
        """Return the version of the video and of the file next to it with this suffix."""
        return [*self.version, *_version(self.sidecar(suffix))]

    def split(self, validation: float, seed: int) -> Split:
        """Assign the video to a split.

        This depends only on the name and the seed, so it does not change when videos are added.

        Args:
            validation: Probability of the validation split.
            seed: Seed of the split.

        Returns:
            The split.

        """
        drawn = int(sha256(f"{seed}/{self.name}".encode(errors=NAME_ERRORS)).hexdigest()[:13], 16) / 16**13
        return "validation" if drawn < validation else "train"


def find_sources(folder: Path) -> list[Source]:
    """Return the videos in a folder and its subfolders, sorted by name.

    Raises:
        InvalidInput: If there are none, or if two names differ only in their suffix.

    """
    names = list(find_videos(folder))
    _require_own_poses(names)
    return [Source(folder, name) for name in names]


def _require_own_poses(names: Sequence[str]) -> None:
    """Refuse names that differ only in their suffix: their poses would share a file."""
    known: dict[str, str] = {}
    for name in names:
        stem = name.rpartition(".")[0]
        other = known.setdefault(stem, name)
        if other != name:
            raise InvalidInput(f"{other} and {name} would share {stem}.json: rename one of them.")


def _version(path: Path) -> list[int]:
    try:
        state = path.stat()
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]
