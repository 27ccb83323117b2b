"""Progress bars, and checks of what a command writes, before the long work."""

import argparse
from pathlib import Path

from tqdm import tqdm

from ..errors import InvalidInput
from ..utils.files import check_writable
from ..video.image import PICTURE_SUFFIXES
from ..video.writer import check_output

INPUTS = ("reference", "driving", "poses", "reference_pose", "mask")


def check_distinct(arguments: argparse.Namespace, *outputs: str) -> None:
    """Raise InvalidInput where a file to write, named by its option, is also read or written as another."""
    named = {name: getattr(arguments, name, None) for name in (*INPUTS, *outputs)}
    paths = {name: path.resolve() for name, path in named.items() if path is not None}
    for output in outputs:
        for other, path in paths.items():
            if other != output and path == paths.get(output):
                raise InvalidInput(
                    f"--{_option(output)} and --{_option(other)} are both {path}: name another file to write."
                )


def _option(name: str) -> str:
    return name.replace("_", "-")


def check_preview(path: Path | None) -> None:
    """Raise, before long work, where a preview cannot be written as a picture or clip."""
    if path is None:
        return
    if is_picture(path):
        check_writable(path)
    else:
        check_output(path)


def is_picture(path: Path) -> bool:
    """Whether the name of a preview asks for a picture rather than a clip."""
    return path.suffix.lower() in PICTURE_SUFFIXES and "%" not in path.name


class Bar(tqdm):
    """A bar fed by callbacks of (done, total)."""

    def report(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self.total = total
        self.update(done - self.n)


def byte_bar(name: str) -> Bar:
    """A bar that counts bytes."""
    return Bar(desc=name, unit="B", unit_scale=True)


class Bars:
    """A bar for each stage of a long work, one after the other; to be used as a context."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._bar: Bar | None = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` of a stage are done."""
        if self._bar is None or stage != self._stage:
            self.__exit__()
            self._stage, self._bar = stage, Bar(desc=stage)
        self._bar.report(done, total)
