"""Frame numbers from the names of files and images; frames missing between them stay missing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from ...errors import InvalidInput

T = TypeVar("T")
MAX_FRAMES = 200_000  # nearly two hours at 30 frames a second
OPENPOSE_NAME = re.compile(r"^(?P<before>.*?)_?(?P<number>\d{12})_keypoints(?P<after>.*)$", re.DOTALL)
LAST_NUMBER = re.compile(r"^(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)$", re.DOTALL)
MAX_DIGITS = 18  # of a frame number
MIN_SHARE = 0.5  # fraction of the frames from first to last that must exist for numbers to be frame numbers
MIN_NAMES = 3  # names with the same last number show that it is not the frame number
LISTED = 6  # videos or frames named in a message


@dataclass(frozen=True)
class Name:
    """A name of a file or an image, split at its frame number.

    Attributes:
        prefix: All but the number, which identifies the video.
        number: The frame number; None if there is none.
        is_openpose: Whether it follows OpenPose's naming, in which the number certainly is the frame number.

    """

    prefix: str
    number: int | None
    is_openpose: bool = False


@dataclass(frozen=True)
class NumberedFrames(Generic[T]):
    """Items in the order of their frames.

    Attributes:
        items: One per frame; None if it is missing.
        notes: Sentences about missing frames and guesses.

    """

    items: list[T | None]
    notes: tuple[str, ...] = ()


def split_name(name: str) -> Name:
    """Split the name of a file, image or frame at its last number."""
    stem = _stem(name)
    found = OPENPOSE_NAME.match(stem)
    is_openpose = found is not None
    found = found or LAST_NUMBER.match(stem)
    if found is None or len(found["number"]) > MAX_DIGITS:
        return Name(stem, None)
    after = "" if found["after"] in ("", "_keypoints") else f"*{found['after']}"
    return Name(f"{found['before'].rstrip('_-. ')}{after}", int(found["number"]), is_openpose)


def split_names(names: Sequence[str]) -> list[Name]:
    """Split names at the last number in which they differ: at 7 and 8 in `0007_pose2d` and `0008_pose2d`."""
    found = [split_name(name) for name in names]
    numbered = [index for index, name in enumerate(found) if name.number is not None]
    ends = {_from_last_number(names[index]) for index in numbered}
    if len(numbered) < MIN_NAMES or len(ends) > 1 or any(found[index].is_openpose for index in numbered):
        return found
    end = ends.pop()
    inner = split_names([_stem(names[index]).removesuffix(end) for index in numbered])
    if any(name.number is None for name in inner):
        return found
    for index, name in zip(numbered, inner, strict=True):
        found[index] = Name(f"{name.prefix}*{end}", name.number)
    return found


def _stem(name: str) -> str:
    """Return a name without folders and suffix."""
    return re.sub(r"\.[A-Za-z]\w{0,4}$", "", PurePosixPath(name.replace("\\", "/")).name)


def _from_last_number(name: str) -> str:
    found = LAST_NUMBER.match(_stem(name))
    return "" if found is None else found["number"] + found["after"]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a sort key that orders names by the values of their numbers."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d{0,18})(\D*|$)", name)]


def place_by_number(
    numbers: Sequence[int],
    items: Sequence[T],
    source: str,
    frames: int | None = None,
    min_share: float | None = None,
) -> NumberedFrames[T]:
    """Put items in the positions given by their frame numbers.

    Args:
        numbers: Frame numbers of the items, sorted and unique.
        items: One per number.
        source: Name of the items in messages.
        frames: Number of frames of the video, if known.
        min_share: Minimum fraction of existing frames from the first to the last for numbers to be frame
            numbers; 0 if they certainly are; None uses the default.

    Returns:
        The items in order. The first frame has number 0 or 1, or a larger one where the first frames may be
        missing or the video may be a cut of a longer one.

    """
    first, last = numbers[0], numbers[-1]
    span = last - first + 1
    fits = frames is not None and last < frames
    share = MIN_SHARE if min_share is None else min_share
    if span > MAX_FRAMES or not (fits or len(items) >= share * span):
        if span == len(items):
            return NumberedFrames(list(items))
        return NumberedFrames(list(items), (_out_of_step(numbers, source),))
    start = _start(first, last, frames, certain=share == 0)
    placed: list[T | None] = [None] * (last - start + 1)
    for number, item in zip(numbers, items, strict=True):
        placed[number - start] = item
    return NumberedFrames(placed, tuple(_notes(numbers, start, source)))


def require_one_video(names: Sequence[Name], source: str, choice: Callable[[str], str]) -> None:
    """Raise InvalidInput if names belong to several videos.

    Args:
        names: The names.
        source: Where they were found, for the message.
        choice: Returns the instruction for choosing the video with a given prefix.

    """
    prefixes = sorted({name.prefix for name in names})
    if len(prefixes) > 1:
        named = ", ".join(repr(prefix) for prefix in prefixes[:LISTED])
        more = f" and {len(prefixes) - LISTED} more" if len(prefixes) > LISTED else ""
        raise InvalidInput(
            f"{source} contains poses of {len(prefixes)} videos ({named}{more}), but only one is possible: "
            f"{choice(prefixes[0])}."
        )


def _start(first: int, last: int, frames: int | None, *, certain: bool) -> int:
    """Return the number of the video's first frame."""
    if first == 0:
        return 0
    if frames is not None:
        counted_from_1 = last == frames or (first == 1 and last < frames - 1 and not certain)
        return 0 if last < frames and not counted_from_1 else 1 if counted_from_1 else first
    if first == 1:
        return 0 if certain else 1
    return 0 if first < last - first + 1 else first


def _notes(numbers: Sequence[int], start: int, source: str) -> list[str]:
    found = set(numbers)
    missing = [number for number in range(start, numbers[-1] + 1) if number not in found]
    notes = []
    if missing:
        notes.append(
            f"{source} has no poses for {_listed(missing)}: nobody is shown there; short gaps can be filled."
        )
    if start > 1:
        notes.append(
            f"The frames in {source} start at number {start}, which is assumed to be the video's first frame."
        )
    return notes


def _listed(numbers: Sequence[int]) -> str:
    """List frame numbers, with consecutive ones as ranges."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(first) if first == last else f"{first} to {last}" for first, last in runs[:LISTED]]
    more = " and more" if len(runs) > LISTED else ""
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(words)}{more}"


def _out_of_step(numbers: Sequence[int], source: str) -> str:
    return (
        f"The {len(numbers)} frames in {source} are numbered from {numbers[0]} to {numbers[-1]} with most "
        "numbers missing, so they are used in sequence: number the frames of a video from 0."
    )
