"""Numbered images in a directory as a video: finding them, and their order."""

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from ..errors import InvalidInput, warn
from .files import READ_IMAGE_SUFFIXES, VIDEO_SUFFIXES, files_with
from .formats import NUMBER_PATTERN
from .image import read_image_size

DEFAULT_FPS = 24.0  # images have no frame rate of their own
MAX_NUMBERS = 5  # listed in a message
MAX_NAME = 255  # bytes of a name in file systems
LAST_NUMBER = re.compile(r"(\d+)(\D*)$")


def is_image_sequence(path: Path) -> bool:
    """Return whether a path stands for several images: a directory, or a pattern (%04d.png or *.png)."""
    if len(os.fsencode(path.name)) > MAX_NAME:
        return False
    if path.is_dir():
        return True
    return not path.exists() and bool(NUMBER_PATTERN.search(path.name) or re.search(r"[*?[]", path.name))


def includes(path: Path, file: Path) -> bool:
    """Return whether a file is read as part of a video, or would be if it existed.

    Args:
        path: The video: a file, a directory or a pattern.
        file: The file; symbolic links are followed in its directory.

    """
    if not is_image_sequence(path):
        return path.resolve() == file.resolve()
    folder = path if path.is_dir() else path.parent
    return folder.resolve() == file.resolve().parent and (path.is_dir() or _matches(file.name, path.name))


def find_images(path: Path) -> list[Path]:
    """Find the images of a directory or pattern; warns if numbers are missing.

    Args:
        path: The directory or pattern.

    Returns:
        The files, sorted by number.

    Raises:
        InvalidInput: There are none; a directory contains videos too; there are images of several sequences,
            two with the same number, or some of different sizes.

    """
    folder = path if path.is_dir() else path.parent
    found = files_with(folder, READ_IMAGE_SUFFIXES)
    if path.is_dir():
        found = [each for each in found if not each.name.startswith(".")]
        _require_no_videos(path, found)
    else:
        found = [each for each in found if _matches(each.name, path.name)]
    if not found:
        raise InvalidInput(
            f"{str(path)!r} contains no images: give a directory or pattern of frames, or a video."
        )
    pictures = _sorted(path, found)
    _require_one_size(path, pictures)
    return pictures


def _require_no_videos(folder: Path, pictures: Sequence[Path]) -> None:
    """Raise InvalidInput if images may be covers of videos next to them."""
    videos = [
        each for each in files_with(folder, VIDEO_SUFFIXES) if each.suffix.lower() not in READ_IMAGE_SUFFIXES
    ]
    if videos and pictures:
        raise InvalidInput(
            f"{str(folder)!r} contains images and videos, such as {pictures[0].name!r} and "
            f"{videos[0].name!r}: give the video itself, or a pattern of the images."
        )
    if videos:
        raise InvalidInput(
            f"{str(folder)!r} is a directory with videos and no images: give one of them, such as "
            f"{str(folder / videos[0].name)!r}."
        )


def _matches(name: str, pattern: str) -> bool:
    """Return whether a name fits a pattern: printf style, as `write_clip` takes it, or shell style."""
    number = NUMBER_PATTERN.search(pattern)
    if number is None:
        return fnmatchcase(name, pattern)
    before, after = pattern[: number.start()], pattern[number.end() :]
    width = int(number[0][1:-1] or 0)
    found = re.fullmatch(re.escape(before) + r"(\d+)" + re.escape(after), name)
    return found is not None and len(found[1]) >= width


def _sorted(path: Path, pictures: list[Path]) -> list[Path]:
    """Sort images by the last number in their names, or by name if none has a number."""
    found = {each: LAST_NUMBER.search(each.stem) for each in pictures}
    if not any(found.values()):
        return pictures
    kinds = {_kind(each, match) for each, match in found.items()}
    if len(kinds) > 1:
        several = " and ".join(sorted(repr(kind) for kind in kinds)[:2])
        raise InvalidInput(
            f"{str(path)!r} contains several image sequences, such as {several}: give a pattern of one."
        )
    numbers = {each: int(match[1]) for each, match in found.items() if match}
    ordered = sorted(numbers, key=lambda each: numbers[each])
    for one, other in pairwise(ordered):
        if numbers[one] == numbers[other]:
            raise InvalidInput(f"{one.name!r} and {other.name!r} have the same number: remove one of them.")
    _warn_of_gaps(path, [numbers[each] for each in ordered])
    return ordered


def _kind(picture: Path, number: re.Match[str] | None) -> str:
    """Return the name of an image with a placeholder for its number."""
    stem = picture.stem
    return picture.name if number is None else f"{stem[: number.start()]}#{number[2]}{picture.suffix}"


def _warn_of_gaps(path: Path, numbers: Sequence[int]) -> None:
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    usual = min(steps, default=1)
    if all(step == usual for step in steps):
        return
    missing = [
        earlier + usual * turn
        for earlier, step in zip(numbers, steps, strict=False)
        for turn in range(1, min(-(-step // usual), MAX_NUMBERS + 2))
    ]
    some = ", ".join(map(str, missing[:MAX_NUMBERS])) + (" and more" if len(missing) > MAX_NUMBERS else "")
    warn(f"Image numbers {some} of {str(path)!r} are missing: the sequence continues without them.", 5)


def _require_one_size(path: Path, pictures: Sequence[Path]) -> None:
    first = read_image_size(pictures[0])
    for picture in pictures[1:]:
        size = read_image_size(picture)
        if size != first:
            raise InvalidInput(
                f"{picture.name!r} of {str(path)!r} is {size[0]}x{size[1]} pixels, but "
                f"{pictures[0].name!r} is {first[0]}x{first[1]}: give images of the same size."
            )
