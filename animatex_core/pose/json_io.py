"""Poses in files: OpenPose JSON in the dialects of OpenPose itself, ComfyUI packs and exporters.

A file is a frame {"people": [...], "canvas_width": ..., "canvas_height": ...}, a list of such frames, nested
lists of them, or {"frames": [...]}; a folder of OpenPose's files has one frame in each.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np

from ..checks import require_whole, shown
from ..errors import InvalidInput
from ..placement import placed
from ..plain_files import MAX_DEPTH, FileFault, TooLarge, read_json
from ..progress import Progress, no_progress, with_progress
from .hand_sides import are_hands_confused
from .openpose_clip import Frame, clip_poses
from .openpose_parts import person_points, written_person
from .openpose_units import Size
from .person import PersonRule
from .skeleton import POINTS, PoseSequence, seen

LARGEST_SIDE = 1 << 15  # pixels of a canvas
MAX_FILE_BYTES = 128 << 20  # of one file; a frame with one person takes 3 to 8 kB
MAX_CONTAINERS = 3_000_000  # lists and objects in it
MAX_FRAMES = 200_000  # nearly two hours at 30 frames a second
HANDS_KEPT = "hands_as_meant"  # key of frames whose hands are not to be swapped
SPLIT = "split the clip into shorter ones"
MAX_PEOPLE = 100_000  # in all frames together; each takes 3 kB of memory


def read_poses(
    path: str | Path,
    *,
    person: PersonRule = "best",
    fps: float | None = None,
    size: Size | None = None,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Read one person's poses from an OpenPose JSON file or a folder with one file a frame.

    person: who is meant where there are several. fps: frames a second, which these files rarely tell.
    size: (width, height) in pixels of the picture, where the file does not tell it.
    progress: called for the frames of each file, then for those of the clip; what it raises ends the work.
    Raises InvalidInput for what cannot be read; warns of what had to be guessed or left out.
    """
    path = Path(path)
    files = sorted(path.glob("*.json"), key=_natural_order) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(
            f"the folder {path} holds no .json files: give OpenPose's output, one file a frame."
        )
    frames = (frame for file in files for frame in _frames(_load(file), str(file), progress))
    return clip_poses(_bounded(frames, str(path)), person, fps, size, str(path), progress)


def poses_from_openpose(
    data: object,
    *,
    person: PersonRule = "best",
    fps: float | None = None,
    size: Size | None = None,
    source: str = "the poses",
    progress: Progress = no_progress,
) -> PoseSequence:
    """Return the poses of parsed OpenPose JSON or a ComfyUI POSE_KEYPOINT; otherwise as `read_poses`.

    source: how errors name the data.
    """
    found = _bounded(_frames(data, source, progress), source)
    return clip_poses(found, person, fps, size, source, progress)


def openpose_from_poses(poses: PoseSequence, progress: Progress = no_progress) -> list[dict]:
    """Return a ComfyUI POSE_KEYPOINT: a dict a frame, in pixels, c 1.0 for points that were seen, else zeros.

    Feet are written as big and small toe at one place, without heels; the face without its two pupils.
    """
    return list(with_progress(_written_frames(poses), len(poses), progress))


def write_poses(path: str | Path, poses: PoseSequence, progress: Progress = no_progress) -> None:
    """Write poses as OpenPose JSON, the frames of `openpose_from_poses`, which does not tell the frame rate.

    Reading gives seen points back at the same places, with the score 1. progress: called for each frame; what
    it raises ends the work. Raises StorageError. After any error no file or the former one is there.
    """
    with placed(path) as file:
        for index, frame in enumerate(with_progress(_written_frames(poses), len(poses), progress)):
            file.write(b",\n" if index else b"[")
            file.write(json.dumps(frame, separators=(",", ":"), allow_nan=False).encode())
        file.write(b"]" if len(poses) else b"[]")


def _load(file: Path) -> object:
    try:
        return read_json(file, MAX_FILE_BYTES, MAX_CONTAINERS)
    except OSError as error:
        raise InvalidInput(
            f"the poses {file} could not be read ({error.strerror}): check the name and that it may be read."
        ) from error
    except TooLarge as error:
        raise InvalidInput(f"the poses {file} are too large ({error}): {SPLIT}.") from error
    except FileFault as error:
        raise InvalidInput(
            f"the poses {file} are not JSON or were cut off ({error}): give a file of OpenPose keypoints."
        ) from error


def _bounded(frames: Iterable[Frame], source: str) -> list[Frame]:
    """Collect frames; raises InvalidInput as soon as there are too many, or too many people in them."""
    found: list[Frame] = []
    people = 0
    for frame in frames:
        found.append(frame)
        people += len(frame.people)
        if len(found) > MAX_FRAMES or people > MAX_PEOPLE:
            raise InvalidInput(
                f"{source} has more than {MAX_FRAMES:,} frames, or more than {MAX_PEOPLE:,} people in them: "
                f"{SPLIT}."
            )
    return found


def _natural_order(file: Path) -> list[tuple[int, str]]:
    """Sort numbers in names by their value."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d*)(\D*)", file.name)]


def _frames(data: object, source: str, progress: Progress) -> Iterator[Frame]:
    items = list(islice(_flat(data), MAX_FRAMES + 1))  # one more, so that `_bounded` notices
    for index, frame in enumerate(with_progress(items, len(items), progress)):
        yield _frame(frame, f"frame {index} of {source}")


def _flat(data: object) -> Iterator[object]:
    """Yield the frames in nested lists, in their order, with no more in memory than the lists themselves."""
    waiting = [iter([data["frames"] if isinstance(data, Mapping) and "frames" in data else data])]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list | tuple):
                waiting.append(iter(item))
                break
            yield item
        else:
            waiting.pop()
        if len(waiting) > MAX_DEPTH:  # a list may even hold itself
            yield None
            return


def _frame(frame: object, where: str) -> Frame:
    if not isinstance(frame, Mapping) or "people" not in frame:
        raise InvalidInput(
            f"{where} is no OpenPose frame: it must be an object with people, each with pose_keypoints_2d."
        )
    people = [] if _is_blank(frame["people"]) else frame["people"]
    if not isinstance(people, list | tuple):
        raise InvalidInput(f"{where} has people of type {type(people).__name__}, but it must be a list.")
    if len(people) > MAX_PEOPLE:
        raise InvalidInput(f"{where} has more than {MAX_PEOPLE:,} people: {SPLIT}.")
    # Without those of whom nothing is known, whose zeros would take as much memory as others' points.
    left_out: list[str] = []
    points = [each for person in people if (each := person_points(person, where, left_out)).any()]
    keeps_hands = frame.get(HANDS_KEPT) is True
    return Frame(np.reshape(points, (-1, POINTS, 3)), _canvas(frame, where), left_out, keeps_hands)


def _is_blank(value: object) -> bool:
    """Whether nothing was written; arrays, which programs in the same process may give, have no truth."""
    return value is None or (isinstance(value, int | float | str) and not value)


def _canvas(frame: Mapping, where: str) -> Size | None:
    """Return the width and height that a frame tells, None where it does not."""
    for names in (("canvas_width", "canvas_height"), ("width", "height")):
        sides = [frame.get(name) for name in names]
        if not any(map(_is_blank, sides)):
            return _side(sides[0], names[0], where), _side(sides[1], names[1], where)
    return None


def _side(value: object, name: str, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    require_whole(f"{name} in {where}", value)
    if value > LARGEST_SIDE:  # type: ignore[operator]
        raise InvalidInput(
            f"{name} in {where} is {shown(value)}, but {LARGEST_SIDE} pixels are the most: correct it."
        )
    return int(value)  # type: ignore[call-overload]


def _written_frames(poses: PoseSequence) -> Iterator[dict]:
    size = np.array([poses.width, poses.height])
    # Reading would take such hands for those of a program that confuses them.
    kept = {HANDS_KEPT: True} if are_hands_confused(poses.points, (poses.width, poses.height)) else {}
    for points in poses.points:
        found = seen(points)
        pixels = _pixels(points[:, :2], size)
        yield {
            "people": [written_person(np.where(found[:, None], np.column_stack([pixels, found]), 0))],
            "canvas_height": poses.height,
            "canvas_width": poses.width,
            **kept,
        }


def _pixels(parts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return pixels (n, 2) in digits that bring parts of the picture (n, 2) float32 back exactly."""
    exact = parts.astype(np.float64) * size
    exponents = np.floor(np.log10(np.abs(exact), where=exact != 0, out=np.zeros_like(exact)))
    scale = 10.0 ** (8 - exponents)  # a float32 has less than nine digits
    short = np.round(exact, 3)
    return np.where((short / size).astype(np.float32) == parts, short, np.rint(exact * scale) / scale)
