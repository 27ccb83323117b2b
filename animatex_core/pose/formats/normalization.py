"""Normalize what other programs write: coordinates, scores, and swapped left and right hands."""

import numpy as np

from ...errors import warn
from ..keypoints import HANDS, JOINT, MODEL_JOINTS, VISIBLE, seen
from .layouts import BODY_SHARES, bone_share
from .units import BODY
from .units import PARTS as PARTS_OF_PERSON

# Range of the highest score in COCO's visibility (1 hidden, 2 visible), in percent and in bytes.
HALVED, PERCENT, BYTE = (1.5, 2.0), (10.0, 100.0), (100.0, 255.0)
FAINT = 0.05  # scores below this are noise
MAX_CENTRED = 1.3  # maximum of coordinates that are -1 to 1 inside the image
OUTSIDE = -0.1  # people who extend beyond an image rarely extend further than this
MIN_CENTRED = 0.1  # fraction of the points beyond OUTSIDE if 0 is the image's centre
MIN_SIDE = 256  # pixels of an image in which coordinates up to 100 may be percentages
MIN_SPREAD = 0.5  # minimum height of people in such coordinates, of 100
UPSIDE_DOWN = 0.8  # fraction of the frames with head and hips
MIN_BODY_POINTS = 5  # points of a body that is collapsed into one position
BODY_POINTS = PARTS_OF_PERSON[list(PARTS_OF_PERSON)[BODY]]


def scale_scores(people: np.ndarray, source: str) -> str | None:
    """Scale scores in percent, bytes or COCO's visibility to 0 to 1; raise scores that are all too low."""
    scores = people[..., 2]
    largest = float(scores.max(initial=0))
    for least, most in (HALVED, PERCENT, BYTE):
        if least <= largest <= most:
            scores /= most
            return None
    if FAINT < largest <= VISIBLE:
        scores /= largest
        return (
            f"No score in {source} is above {VISIBLE:g}, the threshold for visible points, so all are "
            f"divided by the highest, {largest:.2g}: check the points."
        )
    return None


def drop_placeholders(people: np.ndarray) -> None:
    """Mark points at (0, 0) or (-1, -1), where programs put missing ones, as missing."""
    places = people[..., :2]
    people[(places == 0).all(axis=2) | (places == -1).all(axis=2)] = 0


def drop_scaled_placeholders(people: np.ndarray, sizes: np.ndarray) -> None:
    """Mark points that were at (-1, -1) in pixels of images of sizes (n, 2) as missing."""
    pixels = people[..., :2] * sizes[:, None]
    people[np.abs(pixels + 1).max(axis=2) < 1e-3] = 0


def from_centre(people: np.ndarray, source: str) -> str | None:
    """Convert coordinates of -1 to 1 around the image's centre to 0 to 1 from its top left."""
    there = people[..., 2] > 0
    if there[:, BODY_POINTS].sum() < MIN_BODY_POINTS or np.abs(people[there][:, :2]).max() > MAX_CENTRED:
        return None
    body = people[:, BODY_POINTS][there[:, BODY_POINTS]]
    if (body[:, :2] < OUTSIDE).mean(axis=0).max() < MIN_CENTRED:
        return None
    people[..., :2] = np.where(there[..., None], (people[..., :2] + 1) / 2, people[..., :2])
    return f"The coordinates in {source} are assumed to be -1 to 1 around the image's centre."


def from_percent(people: np.ndarray, size: tuple[int, int] | None, source: str) -> str | None:
    """Convert coordinates in percent of an image of known size (width, height) to 0 to 1."""
    there = people[..., 2] > 0
    if size is None or min(size) < MIN_SIDE or not there.any():
        return None
    places = people[there][:, :2]
    spread = float(np.ptp(people[:, BODY_POINTS][there[:, BODY_POINTS]][:, 1])) if there.any() else 0
    if places.max() > 100 or places.min() < -10 or spread < 100 * MIN_SPREAD:
        return None
    people[..., :2] /= 100
    return (
        f"No coordinate in {source} is above 100, but the image has {size[0]}x{size[1]} pixels: they are "
        "assumed to be percentages."
    )


def turn_y_down(people: np.ndarray, source: str) -> str | None:
    """Flip people whose y axis points up; coordinates are fractions of the image.

    They stand on their heads and, unlike acrobats, have left and right swapped where their faces are visible.
    """
    if not _stand_on_heads(people[:, :MODEL_JOINTS]):
        return None
    there = people[..., 2] > 0
    below = np.median(people[there][:, 1]) < 0
    people[..., 1] = np.where(there, -people[..., 1] if below else 1 - people[..., 1], 0)
    return f"The people in {source} are upside down: y is assumed to point up, and they are flipped."


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
    """Return whether all points of each person coincide within the first pixel: an empty detection."""
    there = people[..., 2] > 0
    if not (there[:, BODY_POINTS].sum(axis=1) >= MIN_BODY_POINTS).any():
        return False
    low = np.where(there[..., None], people[..., :2], np.inf).min(axis=1)
    high = np.where(there[..., None], people[..., :2], -np.inf).max(axis=1)
    return bool(((low == high) & (np.abs(high) <= 1))[there.any(axis=1)].all())


WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])  # in the order of HANDS
MIN_HAND_POINTS = 12  # visible points needed to locate a hand
AT_WRIST = 0.5  # a hand that starts within this fraction of the distance between the wrists is at the wrist
CLEARLY = 0.5  # a point belongs to a wrist if it is closer than this fraction of the distance to the other
MIN_SHARE = 0.9  # fraction of the unambiguous hands that must be at the other wrist
ENOUGH = 0.1  # fraction of all hands that must be unambiguous, neither crossed nor clasped


def swap_confused_hands(points: np.ndarray, size: tuple[int, int], source: str) -> np.ndarray:
    """Swap left and right hand if `are_hands_confused`, with an AnimateXWarning.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the image in pixels.
        source: Name of the poses in the warning.

    Returns:
        The points (f, 130, 3), a copy if hands were swapped.

    """
    if not are_hands_confused(points, size):
        return points
    warn(
        f"The hands in {source} were at the wrists of the other side: left and right hand were swapped.",
        stacklevel=5,
    )
    left, right = HANDS
    swapped = points.copy()
    swapped[:, left], swapped[:, right] = points[:, right], points[:, left]
    return swapped


def are_hands_confused(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether hands are at the wrists of the other side throughout the video.

    A hand counts if it starts at the other wrist and all of its points are clearly nearer to that one.
    Crossed or clasped hands do not count.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the image in pixels.

    """
    wrists = points[:, WRISTS, :2] * np.asarray(size)
    apart = np.linalg.norm(wrists[:, 0] - wrists[:, 1], axis=1)
    visible = seen(points[:, WRISTS, :]).all(axis=1)
    used, own, other = 0, 0, 0
    for side, hand in enumerate(HANDS):
        found = seen(points[:, hand])
        rows = visible & (found.sum(axis=1) >= MIN_HAND_POINTS)
        at_wrists = _at_wrists(points[rows, hand], wrists[rows], np.asarray(size), apart[rows])
        used += int(rows.sum())
        own += int(at_wrists[:, side].sum())
        other += int(at_wrists[:, 1 - side].sum())
    return other > 0 and other >= MIN_SHARE * (own + other) and other >= ENOUGH * used


def _at_wrists(hands: np.ndarray, wrists: np.ndarray, size: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Return at which wrist hands (n, 21, 3) are: (n, 2) bool; at neither if ambiguous."""
    found = seen(hands)
    away = np.linalg.norm(hands[:, :, None, :2] * size - wrists[:, None], axis=-1)
    begins = np.where(found[..., None], away, np.inf).min(axis=1)
    begins = np.where(found[:, :1], away[:, 0], begins)  # the hand's root if it is visible
    nearer = (away < CLEARLY * away[..., ::-1]) | ~found[..., None]
    return nearer.all(axis=1) & (begins <= AT_WRIST * apart[:, None])
