"""Choose one of several people: by number, by a point in a frame, or by a mask."""

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInput
from .draw import LIMBS
from .keypoints import PoseSequence, seen

NEAR = 0.15  # of a person's size: how far from the limbs a point may be to mean that person
MOSTLY = 0.5  # share of a person's joints that must lie in a mask


def person_by_number(people: Sequence[PoseSequence], number: int) -> int:
    """Return the number of a person who is visible in any frame.

    Raises:
        InvalidInput: There is no such person.

    """
    there = [index for index, poses in enumerate(people) if seen(poses.points).any()]
    if number not in there:
        listed = ", ".join(map(str, there)) or "none"
        raise InvalidInput(f"There is no person {number}: the people in these poses are {listed}.")
    return number


def person_at_point(people: Sequence[PoseSequence], x: float, y: float, frame: int) -> int:
    """Return the number of the person who is at a point of a frame, the nearest if several are.

    Args:
        people: The poses of each person, of all frames.
        x: Fraction of the width, from the left.
        y: Fraction of the height, from the top.
        frame: Index of the frame.

    Raises:
        InvalidInput: There is no such frame, or nobody is there.

    """
    _require_frame(people, frame)
    distances = {
        number: _distance(poses, x, y, frame)
        for number, poses in enumerate(people)
        if seen(poses.body[frame]).any()
    }
    where = f"at x {x:g}, y {y:g} in frame {frame}"
    if not distances:
        raise InvalidInput(f"Nobody is visible in frame {frame}: choose a frame that shows the person.")
    nearest = min(distances, key=lambda number: distances[number])
    if distances[nearest] > NEAR:
        middle = _places(people[nearest], frame).mean(axis=0)
        raise InvalidInput(
            f"Nobody is {where}: the nearest is person {nearest} around x {middle[0]:.2f}, y {middle[1]:.2f}."
        )
    return nearest


def person_in_mask(people: Sequence[PoseSequence], masks: np.ndarray, frame: int) -> int:
    """Return the number of the person whose joints lie mostly in a mask, of several the one with most there.

    Args:
        people: The poses of each person, of all frames.
        masks: (m, h, w) bool, of any size: one for each frame, or one for the frame `frame`.
        frame: Index of the frame that a single mask belongs to.

    Raises:
        InvalidInput: There is no such frame, the number of masks fits neither, or nobody is in the mask.

    """
    if len(masks) == 1:
        _require_frame(people, frame)
        pairs = [(frame, masks[0])]
    elif len(masks) == len(people[0]):
        pairs = list(enumerate(masks))
    else:
        raise InvalidInput(
            f"There are {len(masks)} masks for {len(people[0])} poses: give one mask, or one for each frame."
        )
    counts = np.array([_joints_inside(poses, pairs) for poses in people])
    shares = counts[:, 0] / counts[:, 1].clip(1)
    if shares.max() < MOSTLY:
        raise InvalidInput(
            f"Nobody is in the mask: at most {shares.max():.0%} of anybody's joints are, but at least "
            f"{MOSTLY:.0%} must be: check the mask and the frame it belongs to."
        )
    # Somebody who is hidden but for two joints may have a larger share than the person who is meant.
    return int(np.where(shares >= MOSTLY, counts[:, 0], -1).argmax())


def _require_frame(people: Sequence[PoseSequence], frame: int) -> None:
    if not 0 <= frame < len(people[0]):
        raise InvalidInput(
            f"frame is {frame}, but there are frames 0 to {len(people[0]) - 1}: take one of them."
        )


def _places(poses: PoseSequence, frame: int) -> np.ndarray:
    """Return the visible joints (n, 2) of a frame, as fractions."""
    body = poses.body[frame]
    return body[seen(body), :2]


def _distance(poses: PoseSequence, x: float, y: float, frame: int) -> float:
    """Return how far a point is from a person's limbs and joints, relative to the size of the body."""
    scale = np.array([poses.width, poses.height], float)
    body, point = poses.body[frame], np.array([x, y]) * scale
    places, visible = body[:, :2] * scale, seen(body)
    limbs = LIMBS[visible[LIMBS].all(axis=1)]
    ends = np.concatenate([places[limbs], np.repeat(places[visible][:, None], 2, axis=1)])
    along = ends[:, 1] - ends[:, 0]
    lengths = np.maximum((along**2).sum(axis=1), 1e-9)
    part = np.clip(((point - ends[:, 0]) * along).sum(axis=1) / lengths, 0, 1)
    away = np.linalg.norm(ends[:, 0] + part[:, None] * along - point, axis=1).min()
    return float(away / max(np.linalg.norm(np.ptp(places[visible], axis=0)), 1.0))


def _joints_inside(poses: PoseSequence, pairs: Sequence[tuple[int, np.ndarray]]) -> tuple[int, int]:
    """Return how many of a person's visible joints lie in the masks of frames, and how many there are."""
    inside = total = 0
    for frame, mask in pairs:
        places = _places(poses, frame)
        height, width = mask.shape
        pixels = np.floor(places * (width, height)).astype(int)
        within = ((pixels >= 0) & (pixels < (width, height))).all(axis=1)
        inside += int(mask[pixels[within, 1], pixels[within, 0]].sum())
        total += len(places)
    return inside, total
