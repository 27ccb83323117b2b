"""From files and parsed JSON to the frames of a video, each in its position."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import InvalidInput
from ...utils.progress import Progress, with_progress
from ..keypoints import POINTS
from .dialects import raw_frames
from .frame_numbers import MAX_FRAMES, Name, NumberedFrames, place_by_number, require_one_video, split_names
from .person import SAMPLE, Layouts, detect_layouts, number_of, person_points
from .raw_frame import Label, RawFrame, is_blank, rate_of, size_in_pixels
from .sequence import Frame
from .text import SPLIT, load_poses

MAX_PEOPLE = 100_000  # in all frames together; each takes 3 kB of memory
MIN_SHARE = 0.1  # fraction of numbered frames within a file that must exist; unrelated images have less
SAME_RATE = 0.01  # relative difference between equal frame rates
NOBODY = np.zeros((0, POINTS, 3))


@dataclass(frozen=True)
class VideoFrames:
    """The frames of a video.

    Attributes:
        frames: In order.
        notes: Sentences about missing frames and guesses.

    """

    frames: list[Frame]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A frame with its number or name in the file."""

    frame: Frame
    label: Label | None
    is_whole: bool


def frames_from_data(
    data: object, source: str, fps: float | None, progress: Progress, frames: int | None = None
) -> VideoFrames:
    """Return the frames of parsed JSON.

    Args:
        data: Parsed JSON or a ComfyUI POSE_KEYPOINT.
        source: Name of the data in messages.
        fps: Frame rate of the video, to compare with that of the data.
        progress: As for `read_poses`.
        frames: As for `read_poses`.

    Raises:
        InvalidInput: The data contains no valid frames, or too many.

    """
    placed = _by_label(_bounded(_read(_raw_of(data, source, progress)), source), source, frames)
    return VideoFrames(_filled(placed), placed.notes + _rate_notes(data, fps, source))


def frames_from_files(
    files: Sequence[Path], source: str, fps: float | None, frames: int | None, progress: Progress
) -> VideoFrames:
    """Return the frames of one file, or of files with one frame each.

    Args:
        files: The files in order.
        source: Their path in messages.
        fps: As for `frames_of_data`.
        frames: As for `read_poses`.
        progress: As for `read_poses`.

    Raises:
        InvalidInput: A file cannot be read, or the files contain no valid frames, or too many.

    """
    if len(files) == 1:
        return frames_from_data(load_poses(files[0]), str(files[0]), fps, progress, frames)
    names = dict(zip(files, split_names([file.name for file in files]), strict=True))
    numbered = [file for file in files if names[file].number is not None] or list(files)
    raw = chain.from_iterable(_raw_of_frame_file(file, progress) for file in numbered)
    found = [each.frame for each in _bounded(_read(raw), source)]
    placed = _by_file_name([names[file] for file in numbered], found, source, frames)
    return VideoFrames(_filled(placed), placed.notes + _left_out(set(files) - set(numbered), source))


def _raw_of(data: object, source: str, progress: Progress) -> Iterator[tuple[RawFrame, str]]:
    items = list(islice(raw_frames(data), MAX_FRAMES + 1))  # one more, so that `_bounded` notices
    for index, raw in enumerate(with_progress(items, len(items), progress)):
        yield raw, f"frame {index} of {source}"


def _raw_of_frame_file(file: Path, progress: Progress) -> list[tuple[RawFrame, str]]:
    """Return the single frame of a file in a folder; a file without frames shows nobody."""
    found = list(_raw_of(load_poses(file), str(file), progress))
    whole = [raw for raw, _ in found if raw.is_whole]
    if len(whole) > 1:
        raise InvalidInput(
            f"{file} has {len(whole)} frames, but a folder must have one file per frame: give only this file."
        )
    people = [person for raw, _ in found if isinstance(raw.people, list) for person in raw.people]
    if found and not whole:  # a list of people who each name their image
        return [(RawFrame(people, sides=found[0][0].sides), found[0][1])]
    return found or [(RawFrame([]), f"frame 0 of {file}")]


def _read(raw: Iterable[tuple[RawFrame, str]]) -> Iterator[_Found]:
    """Read frames in the layout detected from the first ones."""
    items = iter(raw)
    first = list(islice(items, SAMPLE))
    people = (person for frame, _ in first if isinstance(frame.people, list) for person in frame.people)
    layouts = detect_layouts(people)
    for frame, where in chain(first, items):
        yield _Found(_frame(frame, where, layouts), frame.label, frame.is_whole)


def _bounded(frames: Iterable[_Found], source: str) -> list[_Found]:
    """Collect frames; raise InvalidInput as soon as there are too many frames or people."""
    found: list[_Found] = []
    people = 0
    for each in frames:
        found.append(each)
        people += len(each.frame.people)
        if len(found) > MAX_FRAMES or people > MAX_PEOPLE:
            raise InvalidInput(
                f"{source} has more than {MAX_FRAMES:,} frames or more than {MAX_PEOPLE:,} people: {SPLIT}."
            )
    return found


def _frame(raw: RawFrame, where: str, layouts: Layouts) -> Frame:
    if not raw.is_frame:
        raise InvalidInput(
            f"{where} is not an OpenPose frame: give an object with people, each with pose_keypoints_2d."
        )
    people = [] if is_blank(raw.people) else raw.people
    if not isinstance(people, list | tuple):
        raise InvalidInput(f"{where} has people of type {type(people).__name__}, but it must be a list.")
    if len(people) > MAX_PEOPLE:
        raise InvalidInput(f"{where} has more than {MAX_PEOPLE:,} people: {SPLIT}.")
    # Skip people without any point: their zeros would take as much memory as real ones.
    left_out: list[str] = []
    points, numbers = [], []
    for person in people:
        each = person_points(person, where, left_out, layouts)
        if each.any():
            points.append(each)
            numbers.append(number_of(person))
    size = None if raw.sides is None else size_in_pixels(raw.sides, where)
    return Frame(np.reshape(points, (-1, POINTS, 3)), size, left_out, raw.keeps_hands, tuple(numbers))


def _by_file_name(
    names: Sequence[Name], frames: Sequence[Frame], source: str, count: int | None
) -> NumberedFrames[Frame]:
    numbers = [name.number for name in names if name.number is not None]
    if len(set(numbers)) < len(frames):
        return NumberedFrames(list(frames))
    order = np.argsort(numbers)
    certain = all(name.is_openpose for name in names)
    in_order = [numbers[index] for index in order], [frames[index] for index in order]
    return place_by_number(*in_order, source, count, min_share=0 if certain else None)


def _by_label(found: Sequence[_Found], source: str, count: int | None) -> NumberedFrames[Frame]:
    """Put frames in the positions given by the file, and merge people of one frame."""
    if any(each.label is None for each in found) or not _tell_frames(found):
        return NumberedFrames([each.frame for each in found])
    groups: dict[Label, list[Frame]] = {}
    for each in found:
        groups.setdefault(each.label, []).append(each.frame)  # type: ignore[arg-type]
    frames = [_merged(people) for people in groups.values()]
    names = _names(list(groups))
    numbers = [name.number for name in names if name.number is not None]
    if len(numbers) < len(names) or min(numbers) < 0:
        return NumberedFrames(list(frames))
    require_one_video(names, source, lambda _: "leave the frames of one in the file")
    if len(set(numbers)) < len(numbers):
        _require_one_folder(list(groups), source)
        return NumberedFrames(list(frames))
    order = np.argsort(numbers, kind="stable")
    in_order = [numbers[index] for index in order], [frames[index] for index in order]
    return place_by_number(*in_order, source, count, min_share=MIN_SHARE)


def _names(labels: Sequence[Label]) -> list[Name]:
    if any(isinstance(label, int) for label in labels):
        return [Name("", label) if isinstance(label, int) else split_names([label])[0] for label in labels]
    return split_names([str(label) for label in labels])


def _require_one_folder(labels: Sequence[Label], source: str) -> None:
    """Raise InvalidInput if images with the same numbers are in several folders, one per video."""
    folders = [str(PurePosixPath(str(label).replace("\\", "/")).parent) for label in labels]
    if len(set(folders)) < len(folders):
        names = [Name(folder, None) for folder in folders]
        require_one_video(names, source, lambda _: "leave the frames of one in the file")


def _tell_frames(found: Sequence[_Found]) -> bool:
    """Return whether labels identify frames: whole frames never share one, such as the video's name."""
    whole = [each.label for each in found if each.is_whole]
    return bool(found) and len(set(whole)) == len(whole)


def _merged(frames: Sequence[Frame]) -> Frame:
    if len(frames) == 1:
        return frames[0]
    left_out = [sentence for frame in frames for sentence in frame.left_out]
    size = next((frame.size for frame in frames if frame.size), None)
    numbers = tuple(number for frame in frames for number in frame.numbers)
    return Frame(np.concatenate([frame.people for frame in frames]), size, left_out, numbers=numbers)


def _filled(placed: NumberedFrames[Frame]) -> list[Frame]:
    return [Frame(NOBODY, None) if frame is None else frame for frame in placed.items]


def _rate_notes(data: object, fps: float | None, source: str) -> tuple[str, ...]:
    rate = rate_of(data)
    if rate is None or fps is None or abs(rate - fps) <= SAME_RATE * fps:
        return ()
    return (
        f"{source} has {rate:g} frames per second, but the video has {fps:g}: its poses are used one per "
        "frame; check that they are of this video.",
    )


def _left_out(files: set[Path], source: str) -> tuple[str, ...]:
    if not files:
        return ()
    names = ", ".join(sorted(file.name for file in files)[:3])
    return (f"{len(files)} files in {source} without a frame number are ignored, such as {names}.",)
