"""Put frames with alpha on one image, with the positions that engines need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput, warn
from ..pose.keypoints import PoseSequence
from .packing import pack
from .pivot import Pivot, find_pivot
from .settings import SheetSettings
from .timing import Timing, choose_timing
from .trimming import Rect, trimmed


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
        InvalidInput: There are no frames, all are transparent, they do not fit on the sheet, or the number of
            poses differs.

    """
    settings = settings or SheetSettings()
    if not len(frames):
        raise InvalidInput("There are no frames for a sprite sheet: give at least one.")
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
