"""Files appear under their name only when they are whole: written as a part beside it, then moved.

What killed processes left in a folder is swept before the next file is written there.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import StorageError
from .leftovers import sweep, temporary_path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def part_of(target: Path) -> Path:
    """Return the path of a download that is not whole, which a later one resumes."""
    return target.with_name(f"{target.name}.part")


@contextmanager
def placed(target: str | Path) -> Iterator[BinaryIO]:
    """Give a binary file to write; at the end of the block it becomes `target`.

    On any exception the part is removed and an existing target stays as it was. Any OSError in the block is
    taken for one of writing and becomes StorageError.
    """
    with placed_path(target) as part, storage_errors(Path(target)), part.open("wb") as file:
        yield file


def place_text(target: str | Path, text: str) -> None:
    """Write a text in UTF-8, with line ends as they are; raises StorageError where that fails.

    What has no place in UTF-8, as in names of files in other encodings, is escaped as JSON does.
    """
    with placed(target) as file:
        file.write(text.encode(errors="backslashreplace"))


def place_json(target: str | Path, values: object) -> None:
    """Write plain values as JSON that people can read too; raises StorageError."""
    place_text(target, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def placed_path(target: str | Path) -> Iterator[Path]:
    """Give the path of an empty file, for a program to write; at the end of the block it becomes `target`.

    On any exception the part is removed and an existing target stays as it was. Exceptions of the block pass
    through unchanged.
    """
    target = Path(target)
    check_target(target)
    with scratch_file(target) as part:
        yield part
        with storage_errors(target):
            with part.open("rb+") as file:
                sync(file)
            os.replace(part, target)


@contextmanager
def scratch_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty file beside `target`, removed at the end of the block if still there."""
    part = temporary_path(target)
    sweep(target.parent)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch(exist_ok=False)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target`, removed with all it holds at the end if still there."""
    part = temporary_path(target)
    sweep(target.parent)
    with storage_errors(target):
        part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_target(target: str | Path) -> None:
    """Raise StorageError where `target` cannot become a file because it is a folder."""
    with storage_errors(Path(target)):
        if Path(target).is_dir():
            raise StorageError(f"{str(target)!r} is a folder: name the file that is to be written in it.")


def check_writable(target: str | Path) -> None:
    """Raise StorageError, before long work, where no file can be written to `target`."""
    target = Path(target).absolute()
    check_target(target)
    there = next(folder for folder in target.parents if folder.exists())
    with scratch_file(there / target.name):
        pass


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn every OSError of writing `target` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = "free some space there" if error.errno in FULL else "check that the folder may be written to"
        raise StorageError(
            f"{target} could not be written ({error.strerror}): {remedy}, or choose another folder."
        ) from error


def sync(file: BinaryIO) -> None:
    """Have the system put on disk what was written, so that a move afterwards never shows half a file."""
    file.flush()
    os.fsync(file.fileno())
