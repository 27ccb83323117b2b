"""Coordinates and scores as other programs write them, brought to one form: y down, scores of 0 to 1.

Each function changes people (n, 130, 3), points as in `PoseSequence.points`, in place, and returns a sentence
on what was found where that was a guess.
"""

import numpy as np

from ..keypoints import JOINT, MODEL_JOINTS, VISIBLE
from .layouts import BODY_SHARES, bone_share
from .units import BODY
from .units import PARTS as PARTS_OF_PERSON

HALVED = (1.5, 2.0)  # the largest score of COCO's visibilities: 1 is hidden, 2 is seen
PERCENT, BYTE = (10.0, 100.0), (100.0, 255.0)
FAINT = 0.05  # scores below this are noise
CENTRED = 1.3  # coordinates about the middle of the picture, -1 to 1 within it, go no further
OUTSIDE = -0.1  # people who reach out of a picture seldom reach further
MIN_CENTRED = 0.1  # of the points lie left of the middle or above it by more than that
MIN_SIDE = 256  # pixels of a picture in which places up to 100 are taken for parts of a hundred
MIN_SPREAD = 0.5  # of that hundred from the highest point to the lowest
UPSIDE_DOWN = 0.8  # of the frames that show head and hips
MIN_POINTS = 5  # of a body that is at one place
BODY_POINTS = PARTS_OF_PERSON[list(PARTS_OF_PERSON)[BODY]]


def scale_scores(people: np.ndarray, source: str) -> str | None:
    """Bring scores in percent, in 0 to 255 and COCO's visibilities to 0 to 1; raise ones that are all low."""
    scores = people[..., 2]
    largest = float(scores.max(initial=0))
    for least, most in (HALVED, PERCENT, BYTE):
        if least <= largest <= most:
            scores /= most
            return None
    if FAINT < largest <= VISIBLE:
        scores /= largest
        return (
            f"No score in {source} is above {VISIBLE:g}, which a point needs to count as seen, and the "
            f"highest is {largest:.2g}: all are divided by it; check where the points lie."
        )
    return None


def drop_placeholders(people: np.ndarray) -> None:
    """Count points for missing that programs put at (0, 0) or (-1, -1) whatever their score is."""
    places = people[..., :2]
    people[(places == 0).all(axis=2) | (places == -1).all(axis=2)] = 0


def drop_scaled_placeholders(people: np.ndarray, sizes: np.ndarray) -> None:
    """Count points for missing that were at (-1, -1) in pixels of pictures of sizes (n, 2)."""
    pixels = people[..., :2] * sizes[:, None]
    people[np.abs(pixels + 1).max(axis=2) < 1e-3] = 0


def from_centre(people: np.ndarray, source: str) -> str | None:
    """Bring coordinates of -1 to 1 about the middle of the picture to 0 to 1 from its left and top."""
    there = people[..., 2] > 0
    if there[:, BODY_POINTS].sum() < MIN_POINTS or np.abs(people[there][:, :2]).max() > CENTRED:
        return None
    body = people[:, BODY_POINTS][there[:, BODY_POINTS]]
    if (body[:, :2] < OUTSIDE).mean(axis=0).max() < MIN_CENTRED:
        return None
    people[..., :2] = np.where(there[..., None], (people[..., :2] + 1) / 2, people[..., :2])
    return f"The coordinates in {source} are taken for -1 to 1 about the middle of the picture."


def from_percent(people: np.ndarray, size: tuple[int, int] | None, source: str) -> str | None:
    """Bring coordinates in percent of a picture, whose size (width, height) is known, to 0 to 1."""
    there = people[..., 2] > 0
    if size is None or min(size) < MIN_SIDE or not there.any():
        return None
    places = people[there][:, :2]
    spread = float(np.ptp(people[:, BODY_POINTS][there[:, BODY_POINTS]][:, 1])) if there.any() else 0
    if places.max() > 100 or places.min() < -10 or spread < 100 * MIN_SPREAD:
        return None
    people[..., :2] /= 100
    return (
        f"No coordinate in {source} is above 100, but the picture has {size[0]}x{size[1]} pixels: they are "
        "taken for percent of it."
    )


def turn_y_down(people: np.ndarray, source: str) -> str | None:
    """Turn people in parts of the picture over whose y goes up.

    They stand on their heads and, unlike acrobats, with left and right exchanged where their faces show.
    """
    if not _stand_on_heads(people[:, :MODEL_JOINTS]):
        return None
    there = people[..., 2] > 0
    below = np.median(people[there][:, 1]) < 0
    people[..., 1] = np.where(there, -people[..., 1] if below else 1 - people[..., 1], 0)
    return f"The people in {source} stand on their heads: y is taken to go up, and they are turned over."


def _stand_on_heads(bodies: np.ndarray) -> bool:
    names = ("nose", "right_hip", "left_hip", "right_shoulder", "left_shoulder", "right_eye", "left_eye")
    points = bodies[:, [JOINT[name] for name in names]]
    showing = (points[..., 2] > VISIBLE).all(axis=1)
    shown = points[showing, :, :2]
    if not len(shown) or not BODY_SHARES[0] < bone_share(bodies[showing]) < BODY_SHARES[1]:
        return False
    nose, hips, neck = shown[:, 0], shown[:, 1:3].mean(axis=1), shown[:, 3:5].mean(axis=1)
    turned = (nose[:, 1] > neck[:, 1]) & (neck[:, 1] > hips[:, 1])
    up, across, eyes = neck - hips, shown[:, 4] - shown[:, 3], shown[:, 6] - shown[:, 5]
    mirrored = (_cross(up, across) < 0) & (_cross(up, eyes) < 0)
    return bool(turned.mean() >= UPSIDE_DOWN and mirrored.mean() >= UPSIDE_DOWN)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def are_in_corner(people: np.ndarray) -> bool:
    """Whether all points of each person lie at one place within the first pixel, as if nothing was there."""
    there = people[..., 2] > 0
    if not (there[:, BODY_POINTS].sum(axis=1) >= MIN_POINTS).any():
        return False
    low = np.where(there[..., None], people[..., :2], np.inf).min(axis=1)
    high = np.where(there[..., None], people[..., :2], -np.inf).max(axis=1)
    return bool(((low == high) & (np.abs(high) <= 1))[there.any(axis=1)].all())
