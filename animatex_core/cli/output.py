"""Checks of output paths before the work begins, and progress bars."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from ..errors import InvalidInput
from ..utils.files import check_writable
from ..utils.text import printable
from .options import flag_of

INPUT_OPTIONS = (
    "reference",
    "driving",
    "poses",
    "reference_pose",
    "mask",
    "motion",
    "bones",
    "first",
    "last",
    "extend",
)


def check_distinct(arguments: argparse.Namespace, *outputs: str) -> None:
    """Check that no output file is also an input or another output.

    Args:
        arguments: The parsed arguments.
        outputs: Names of the arguments that hold output paths.

    Raises:
        InvalidInput: Two of these paths are the same.

    """
    values = {name: getattr(arguments, name, None) for name in (*INPUT_OPTIONS, *outputs)}
    paths = {name: path.resolve() for name, path in values.items() if path is not None}
    for output in outputs:
        for other, path in paths.items():
            if other != output and path == paths.get(output):
                raise InvalidInput(
                    f"{flag_of(output)} and {flag_of(other)} are both {path}: use another file for the "
                    "output."
                )


def require_inputs_kept(outputs: Iterable[Path], **inputs: Path | None) -> None:
    """Check that no output file replaces an input, or is written among the images of one.

    Args:
        outputs: Files that will be written.
        inputs: Names of arguments -> the files, directories or patterns of images that they hold.

    Raises:
        InvalidInput: An output is an input, or would be part of it.

    """
    from ..video.image_sequence import includes  # imports NumPy, which the help does without

    for output in outputs:
        for name, path in inputs.items():
            if path is not None and includes(path, output):
                raise InvalidInput(
                    f"{flag_of(name)} is {str(path)!r}, which {str(output)!r} would replace or be part of: "
                    "use another name or folder for the output."
                )


def say(text: str) -> None:
    """Print a sentence on standard error, above a progress bar if there is one."""
    tqdm.write(printable(text), file=sys.stderr)


def check_preview(path: Path | None) -> None:
    """Raise InvalidInput or StorageError if a preview cannot be written to this path."""
    from ..video.writer import check_output

    if path is None:
        return
    if is_image(path):
        check_writable(path)
    else:
        check_output(path)


def is_image(path: Path) -> bool:
    """Return whether a preview is an image rather than a video, by the suffix of its path."""
    from ..video.image import IMAGE_SUFFIXES

    return path.suffix.lower() in IMAGE_SUFFIXES and "%" not in path.name


class ProgressBar(tqdm):
    """A progress bar that is updated with the number of finished items."""

    def report(self, done: int, total: int) -> None:
        """Show that `done` of `total` items are finished."""
        self.total = total
        self.update(done - self.n)


def byte_bar(name: str) -> ProgressBar:
    """Return a progress bar in bytes."""
    return ProgressBar(desc=name, unit="B", unit_scale=True)


class StageBars:
    """Progress bars for consecutive stages. Use as a context manager."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._bar: ProgressBar | None = None

    def __enter__(self) -> "StageBars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` items of a stage are finished, in a new bar for each stage."""
        if self._bar is None or stage != self._stage:
            self.__exit__()
            self._stage, self._bar = stage, ProgressBar(desc=stage)
        self._bar.report(done, total)
