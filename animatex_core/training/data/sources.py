"""The clips of a folder, which of their frames are used, and which clips are kept apart for validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from ...errors import InvalidInput
from ...utils.validation import require_int
from ...video.files import find_clips

UNDECODED = "surrogatepass"  # for names that are not UTF-8, as Python has them

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
        return sha256(self.name.encode(errors=UNDECODED)).hexdigest()[:16]

    @property
    def version(self) -> list[int]:
        """Changes with the file: its size in bytes and when it was written; nothing where it is gone."""
        return _version(self.path)

    def beside(self, suffix: str) -> Path:
        """Return where the file of the same name with another suffix is."""
        return self.path.with_suffix(suffix)

    def version_with(self, suffix: str) -> list[int]:
        """As `version`, of the clip and of the file beside it."""
        return [*self.version, *_version(self.beside(suffix))]

    def split(self, validation: float, seed: int) -> Split:
        """Return whether it is for training or, with this probability, for validation.

        It depends on the name and the seed alone, so that it stays where it is when others are added.
        """
        drawn = int(sha256(f"{seed}/{self.name}".encode(errors=UNDECODED)).hexdigest()[:13], 16) / 16**13
        return "validation" if drawn < validation else "train"


@dataclass(frozen=True)
class SourceSettings:
    """Which frames of each clip are used, and which clips are kept apart.

    stride: one frame in so many is used; fps: instead, the stride that leaves about so many frames a second.
    validation: the part of the files that is kept apart, which `seed` draws.
    """

    stride: int = 1
    fps: float | None = None
    validation: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        require_int("stride", self.stride)
        if self.fps is not None and not self.fps > 0:
            raise InvalidInput(f"fps is {self.fps:g}: take more than 0, or leave it out.")
        if not 0 <= self.validation < 1:
            raise InvalidInput(f"validation is {self.validation:g}: choose a part of 0 or more and below 1.")

    def stride_at(self, fps: float) -> int:
        """Return the stride through a clip of `fps` frames a second."""
        return self.stride if self.fps is None else max(1, round(fps / self.fps))


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


def _version(path: Path) -> list[int]:
    try:
        state = path.stat()
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]
