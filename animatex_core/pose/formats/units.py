"""Units of a pose file: pixels or fractions of the image, decided for each part of each person.

Some programs write the body in one unit and the hands in the other, and frames may be edited individually.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..keypoints import BODY_POINTS, FACE, HANDS, JOINT, LEFT_HAND, MODEL_JOINTS, RIGHT_HAND

Size = tuple[int, int]
Pairs = tuple[np.ndarray, np.ndarray]
BODY = 0
PARTS = {
    "the body": slice(0, MODEL_JOINTS),
    "the feet": slice(MODEL_JOINTS, BODY_POINTS),
    "the left hand": HANDS[LEFT_HAND],
    "the right hand": HANDS[RIGHT_HAND],
    "the face": FACE,
}
# Points of the parts, and the body joints next to them.
ANCHORS = {
    "the feet": ((JOINT["left_toe"], JOINT["left_ankle"]), (JOINT["right_toe"], JOINT["right_ankle"])),
    "the left hand": ((HANDS[LEFT_HAND].start, JOINT["left_wrist"]),),
    "the right hand": ((HANDS[RIGHT_HAND].start, JOINT["right_wrist"]),),
    "the face": ((FACE.start + 30, JOINT["nose"]),),
}
MAX_FRACTION = 2.0  # coordinates up to this are fractions of the image, because people may extend beyond it
MIN_FRACTION = 0.001  # smaller coordinates are as likely pixels in the corner
MIN_PIXELS = 8.0  # larger coordinates are pixels; between the two, the rest of the person decides
MIN_POINTS = 4  # points of a part needed to recognize fractions by their numbers alone
MAX_POINTS = 0.9  # proportion of them that must be as small as fractions; some detections are wrong
MIN_PLACES = (3, 1, 4, 4, 4)  # distinct points of each of PARTS needed to compare it with the rest
NEAR = 0.1  # fraction of the image: a point this close to its joint is in the right place
CLOSER = 0.7  # a position this much closer to the rest of the person than the other is the right one
MIN_SIDE = 64  # pixels of an image in which two pixels are a small corner
MIN_SIZE_FRACTION = 0.05  # smaller fractions are too inexact to derive the image size from


def units_by_numbers(people: np.ndarray) -> np.ndarray:
    """Decide the units by the coordinates alone.

    Args:
        people: (n, 130, 3) points as in `PoseSequence.points`, in the units of the file.

    Returns:
        (n, 5) for each of `PARTS`: 1 for fractions of the image, 0 for pixels, NaN where the part is missing
        or its numbers are ambiguous: few points, or many at one position, may be pixels in the corner.

    """
    units = np.full((len(people), len(PARTS)), np.nan)
    for column, part in enumerate(PARTS.values()):
        there, largest = _found(people[:, part]), np.abs(people[:, part, :2]).max(axis=2)
        count = there.sum(axis=1)
        small = there & (largest <= MAX_FRACTION) & (largest >= MIN_FRACTION)
        large = there & (largest > MIN_PIXELS)
        enough = (count >= MIN_POINTS) & (_places(people[:, part, :2], there) > count / 2)
        units[enough & (small.sum(axis=1) >= MAX_POINTS * count), column] = 1
        units[large.sum(axis=1) > count / 2, column] = 0
    return units


def are_fractions(units: np.ndarray, people: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Decide the unit of every part, even if its numbers are ambiguous.

    Args:
        units: As returned by `units_by_numbers`.
        people: (n, 130, 3) points in the units of the file.
        sizes: (n, 2) width and height of each person's image in pixels.

    Returns:
        (n, 5) bool for each of `PARTS`: whether it is in fractions of the image.

    """
    decided, usual = units.copy(), _are_mostly_small(people)
    _decide_by_rest(decided, BODY, people, sizes)
    _fill(decided, BODY, usual)
    for column, name in enumerate(PARTS):
        _decide_by_rest(decided, column, people, sizes)
        for point, joint in ANCHORS.get(name, ()):
            _decide_by_joint(decided, column, people[:, point], people[:, joint], sizes)
        _fill(decided, column, usual)
    return decided.astype(bool)


def present(people: np.ndarray) -> np.ndarray:
    """Return which of `PARTS` have any point: (n, 5) bool."""
    return np.stack([_found(people[:, part]).any(axis=1) for part in PARTS.values()], axis=1)


def convert_to_fractions(people: np.ndarray, fractions: np.ndarray, sizes: np.ndarray) -> None:
    """Convert the parts that are in pixels to fractions, in place.

    Args:
        people: (n, 130, 3) points in the units of the file.
        fractions: As returned by `are_fractions`.
        sizes: (n, 2) width and height of each person's image in pixels.

    """
    for column, part in enumerate(PARTS.values()):
        divisor = np.where(fractions[:, column, None], 1, sizes)
        people[:, part, :2] /= divisor[:, None]


def guess_size(people: np.ndarray, units: np.ndarray, owner: np.ndarray) -> Size | None:
    """Derive the image size from the points if the file does not contain it.

    Positions known in both units, such as a wrist in fractions and the hand's root in pixels, are the best
    source. Without any, the image is as large as the largest coordinates.

    Args:
        people: (n, 130, 3) points in the units of the file.
        units: As returned by `units_by_numbers`.
        owner: (n,) frame of each person.

    Returns:
        (width, height) in pixels, None if nothing is in pixels.

    """
    pixels, fractions = _in_both_units(people, units, owner)
    known = fractions > MIN_SIZE_FRACTION
    if known.any(axis=0).all():
        ratios = [pixels[known[:, axis], axis] / fractions[known[:, axis], axis] for axis in (0, 1)]
        width, height = (max(1, round(float(np.median(each)))) for each in ratios)
        return width, height
    extent = np.zeros(2)
    for column, part in enumerate(PARTS.values()):
        chosen = people[units[:, column] == 0][:, part]
        extent = np.max([extent, *chosen[_found(chosen)][:, :2]], axis=0)
    if extent.max() <= 0:
        return None
    return max(1, math.ceil(extent[0])), max(1, math.ceil(extent[1]))


def _in_both_units(people: np.ndarray, units: np.ndarray, owner: np.ndarray) -> Pairs:
    """Return positions (m, 2) in pixels, and about the same positions in fractions."""
    both = [*_joints_in_both(people, units), *_frames_in_both(people, units, owner)]
    if not both:
        return np.zeros((0, 2)), np.zeros((0, 2))
    pixels, fractions = zip(*both, strict=True)
    return np.concatenate(pixels), np.concatenate(fractions)


def _joints_in_both(people: np.ndarray, units: np.ndarray) -> Iterator[Pairs]:
    for column, name in enumerate(PARTS):
        for point, joint in ANCHORS.get(name, ()):
            there = _found(people[:, point]) & _found(people[:, joint])
            for first, second, wanted in ((point, joint, (0, 1)), (joint, point, (1, 0))):
                rows = there & (units[:, column] == wanted[0]) & (units[:, BODY] == wanted[1])
                yield people[rows, first, :2], people[rows, second, :2]


def _frames_in_both(people: np.ndarray, units: np.ndarray, owner: np.ndarray) -> Iterator[Pairs]:
    """Compare the bodies of single people in neighbouring frames."""
    alone = np.flatnonzero(np.bincount(owner, minlength=1)[owner] == 1)
    for before, after in pairwise(alone):
        pair = units[before, BODY], units[after, BODY]
        if pair in ((0, 1), (1, 0)):
            pixels, fractions = (before, after) if pair == (0, 1) else (after, before)
            body = PARTS["the body"]
            there = _found(people[before, body]) & _found(people[after, body])
            yield people[pixels, body][there, :2], people[fractions, body][there, :2]


def _decide_by_joint(
    units: np.ndarray, column: int, points: np.ndarray, joints: np.ndarray, sizes: np.ndarray
) -> None:
    """Set the unit of ambiguous points if they are next to their joint in only one of both."""
    doubtful = _found(points) & _found(joints) & (np.abs(points[:, :2]).max(axis=1) <= MIN_PIXELS)
    place = joints[:, :2] / np.where(units[:, BODY, None] == 1, 1, sizes)
    as_fractions = np.linalg.norm(points[:, :2] - place, axis=1)
    as_pixels = np.linalg.norm(points[:, :2] / sizes - place, axis=1)
    units[doubtful & (as_fractions < NEAR) & (as_pixels > 2 * as_fractions), column] = 1
    units[doubtful & (as_pixels < NEAR) & (as_fractions > 2 * as_pixels), column] = 0


def _decide_by_rest(units: np.ndarray, column: int, people: np.ndarray, sizes: np.ndarray) -> None:
    """Set the unit of a part whose small numbers are ambiguous or disagree with the body's unit.

    Next to parts in fractions, it is in fractions too. Next to parts in pixels, it is in fractions if that
    puts it closer to the rest of the person than the corner of the image is; else its unit becomes unknown.
    """
    own, rest = people[:, list(PARTS.values())[column]], _unit_of_rest(units, column)
    there = _found(own)
    doubtful = np.isnan(units[:, column]) | ((units[:, column] == 1) & (column != BODY))
    small = np.abs(own[..., :2]).max(axis=(1, 2)) <= MAX_FRACTION
    units[doubtful & small & (rest == 1), column] = 1
    units[doubtful & (rest == 0), column] = np.nan
    enough = _places(own[..., :2], there) >= MIN_PLACES[column]
    rows = np.flatnonzero(doubtful & small & enough & (rest == 0))
    others = _decided_places(units[rows], people[rows], sizes[rows], column)
    count = there[rows].sum(axis=1)
    middle = np.where(there[rows, :, None], own[rows, :, :2], 0).sum(axis=1) / count[:, None]
    as_fractions, as_pixels = (
        np.linalg.norm(others - place[:, None], axis=2).min(axis=1, initial=np.inf)
        for place in (middle, middle / sizes[rows])
    )
    nearer = (as_fractions < CLOSER * as_pixels) & (sizes[rows].min(axis=1) >= MIN_SIDE)
    units[rows, column] = np.where(nearer, 1, np.nan)


def _unit_of_rest(units: np.ndarray, column: int) -> np.ndarray:
    """Return the body's unit, or for the body that of most other parts: (n,), NaN if unknown."""
    if column != BODY:
        return units[:, BODY]
    others = np.delete(units, BODY, axis=1)
    fractions, pixels = (others == 1).sum(axis=1), (others == 0).sum(axis=1)
    return np.where(fractions == pixels, np.nan, fractions > pixels)


def _decided_places(units: np.ndarray, people: np.ndarray, sizes: np.ndarray, without: int) -> np.ndarray:
    """Return positions (n, 130, 2) in fractions; infinite for `without`, missing points and unknown units."""
    places = np.full((*people.shape[:2], 2), np.inf)
    for column, part in enumerate(PARTS.values()):
        divisor = np.where(units[:, column, None] == 1, 1, sizes)[:, None]
        usable = _found(people[:, part]) & ~np.isnan(units[:, column, None]) & (column != without)
        places[:, part] = np.where(usable[..., None], people[:, part, :2] / divisor, np.inf)
    return places


def _fill(units: np.ndarray, column: int, usual: bool) -> None:
    """Decide the unknown units of a part by the body's unit in the rest of the video, or by the majority."""
    body, own = units[:, BODY], units[:, column]
    both = ~np.isnan(own) & ~np.isnan(body)
    if column != BODY and not (both.any() and np.mean(own[both] == body[both]) <= 0.5):
        own[np.isnan(own)] = body[np.isnan(own)]
    known = own[~np.isnan(own)]
    own[np.isnan(own)] = known.mean() > 0.5 if known.size else usual


def _are_mostly_small(people: np.ndarray) -> bool:
    """Return whether coordinates are as small as fractions over the whole video, except for outliers."""
    places = people[_found(people)][:, :2]
    return len(places) > 0 and float(np.quantile(np.abs(places), 0.95)) <= MAX_FRACTION


def _found(points: np.ndarray) -> np.ndarray:
    """Return which points (..., 3) have a score and a position: (...) bool. Missing points are at 0, 0."""
    return (points[..., 2] > 0) & (points[..., :2] != 0).any(axis=-1)


def _places(places: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Count the distinct positions among those (n, p, 2) that are there: (n,)."""
    numbers = np.where(there, places[..., 0] + np.pi * places[..., 1], np.inf)  # one per position
    ordered = np.sort(numbers, axis=1)
    others = (ordered[:, 1:] != ordered[:, :-1]) & np.isfinite(ordered[:, 1:])
    return others.sum(axis=1) + there.any(axis=1)
