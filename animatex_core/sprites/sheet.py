"""A sprite sheet: frames thinned to a rate, with a pivot at the feet, trimmed and packed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput, warn
from ..pose.keypoints import JOINT, PoseSequence, seen
from ..utils.validation import is_number, short_repr
from ..video.encoder import check_frames
from ..video.formats import MIN_FPS
from .packing import Rect, SheetSettings, pack, trimmed


@dataclass(frozen=True)
class Timing:
    """The frames that are kept.

    Attributes:
        indices: Their numbers in the video.
        durations: How long each is shown, in whole milliseconds. The sum is the length of the video, rounded.
        fps: Their rate.

    """

    indices: tuple[int, ...]
    durations: tuple[int, ...]
    fps: float


def choose_timing(count: int, fps: float, rate: float) -> Timing:
    """Thin frames out to a rate.

    Args:
        count: Frames of the video.
        fps: Their rate.
        rate: Frames per second to keep; 0 or anything above `fps` keeps all.

    Returns:
        The frames, evenly spread, and their durations.

    Raises:
        InvalidInput: `fps` is not a positive number, or too few frames are kept to play them.

    """
    if not is_number(fps) or fps <= 0:
        raise InvalidInput(
            f"fps is {short_repr(fps)}, but it must be a positive number: give the frame rate of the video."
        )
    kept = fps if rate == 0 else min(rate, fps)
    total = max(1, round(count * kept / fps))
    indices = np.minimum(np.floor(np.arange(total) * count / total + 1e-9), count - 1).astype(int)
    if rate and total * fps / count < MIN_FPS:
        raise InvalidInput(
            f"rate is {rate:g}, which keeps {total} of {count} frames at {fps:g} a second, but a sheet needs "
            f"{MIN_FPS:g} a second or more: use a higher rate, or 0 for all."
        )
    ends = np.rint(np.linspace(0, count * 1000 / fps, total + 1)).astype(int)
    return Timing(tuple(indices.tolist()), tuple(np.diff(ends).tolist()), total * fps / count)


FEET = tuple(JOINT[f"{side}_{name}"] for side in ("right", "left") for name in ("ankle", "toe"))
SOLE = 0.05  # fraction of the character's height, from below, in which its feet are looked for
VISIBLE = 128  # alpha of what counts as the character

Pivot = tuple[float, float]
"""x and y as fractions of width and height of the untrimmed frame."""


def find_pivot(frames: Sequence[np.ndarray], poses: PoseSequence | None = None) -> Pivot:
    """Find the point between the feet, the same for all frames so that jumps and steps are kept.

    Args:
        frames: f frames, (h, w, 4) uint8.
        poses: f poses of the character, as fractions of the frames. None, or poses without feet, use the
            lowest part of the alpha.

    Returns:
        The pivot: the median of all frames.

    Raises:
        InvalidInput: The number of poses differs from that of the frames.

    """
    if poses is not None and len(poses) != len(frames):
        raise InvalidInput(
            f"There are {len(poses)} poses but {len(frames)} frames: give the poses of the same frames."
        )
    found = [] if poses is None else _of_poses(poses)
    found = found or [each for frame in frames if (each := _of_alpha(frame)) is not None]
    if not found:
        return 0.5, 1.0
    x, y = np.median(np.array(found), axis=0).tolist()
    return round(x, 4), round(y, 4)


def _of_poses(poses: PoseSequence) -> list[Pivot]:
    feet = poses.body[:, FEET]
    shown = [points[seen(points), :2] for points in feet]
    return [(float(points[:, 0].mean()), float(points[:, 1].max())) for points in shown if len(points)]


def _of_alpha(frame: np.ndarray) -> Pivot | None:
    visible = frame[..., 3] >= VISIBLE
    rows = visible.any(axis=1).nonzero()[0]
    if not len(rows):
        return None
    bottom = int(rows[-1]) + 1
    sole = max(1, round(SOLE * (bottom - int(rows[0]))))
    columns = visible[bottom - sole : bottom].any(axis=0).nonzero()[0]
    height, width = visible.shape
    return float(columns[0] + columns[-1] + 1) / 2 / width, bottom / height


@dataclass(frozen=True)
class Sprite:
    """One frame on a sheet.

    Attributes:
        on_sheet: Where it is on the sheet. Equal frames share their place.
        in_frame: The part of the frame that is stored.
        duration: How long it is shown, in milliseconds.

    """

    on_sheet: Rect
    in_frame: Rect
    duration: int


@dataclass(frozen=True, eq=False)
class SpriteSheet:
    """A sheet and its frames.

    Attributes:
        image: (height, width, 4) uint8 RGBA, straight alpha.
        sprites: The frames in order.
        frame_size: Width and height of the untrimmed frames.
        pivot: The point between the feet, as fractions of the untrimmed frame.
        timing: Which frames were kept.

    """

    image: np.ndarray
    sprites: tuple[Sprite, ...]
    frame_size: tuple[int, int]
    pivot: Pivot
    timing: Timing


def build_sheet(
    frames: Sequence[np.ndarray],
    fps: float,
    settings: SheetSettings | None = None,
    poses: PoseSequence | None = None,
) -> SpriteSheet:
    """Put frames on a sheet.

    Args:
        frames: f frames, (h, w, 4) uint8 with straight alpha, of one size.
        fps: Their rate.
        settings: How; None for the defaults.
        poses: f poses of the character, for the pivot.

    Returns:
        The sheet.

    Raises:
        InvalidInput: There are no frames, one is not (h, w, 4) uint8 or differs in size, all are transparent,
            they do not fit on the sheet, the number of poses differs, or `fps` or the rate cannot be used.

    """
    settings = settings or SheetSettings()
    if not len(frames):
        raise InvalidInput("There are no frames for a sprite sheet: give at least one.")
    frames = list(check_frames(frames, even=False, channels=4))
    if len(frames) == 1:
        warn("There is a single frame, so the sprite sheet is a still image: give all frames at once.")
    pivot, timing = find_pivot(frames, poses), choose_timing(len(frames), fps, settings.rate)
    kept = [frames[index] for index in timing.indices]
    boxes = trimmed(kept, settings.trim)
    sprites = [box.cut(frame) for box, frame in zip(boxes, kept, strict=True)]
    places, image = _placed(sprites, settings)
    height, width, _ = kept[0].shape
    entries = map(Sprite, places, boxes, timing.durations)
    return SpriteSheet(image, tuple(entries), (width, height), pivot, timing)


def _placed(sprites: Sequence[np.ndarray], settings: SheetSettings) -> tuple[list[Rect], np.ndarray]:
    """Return where each sprite is on the sheet, and the sheet."""
    numbers: dict[tuple[tuple[int, ...], bytes], int] = {}
    same = [numbers.setdefault((each.shape, each.tobytes()), len(numbers)) for each in sprites]
    stored = [sprites[same.index(number)] for number in range(len(numbers))]
    extra = settings.extrude
    around = ((extra, extra), (extra, extra), (0, 0))
    sizes = [(each.shape[1] + 2 * extra, each.shape[0] + 2 * extra) for each in stored]
    packing = pack(sizes, settings.padding, settings.max_size, power_of_two=settings.power_of_two)
    image = np.zeros((packing.height, packing.width, 4), np.uint8)
    places = []
    for sprite, (x, y), (width, height) in zip(stored, packing.corners, sizes, strict=True):
        image[y : y + height, x : x + width] = np.pad(sprite, around, "edge")
        places.append(Rect(x + extra, y + extra, width - 2 * extra, height - 2 * extra))
    return [places[number] for number in same], image
