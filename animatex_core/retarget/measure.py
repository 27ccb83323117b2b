"""How long a body's bones are over a whole clip, and how one body's compare with another's."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from ..pose.keypoints import FACE, seen
from .bones import HAND, KIND, KINDS, PROPORTION, SIDES, joint

LONG = 0.9  # foreshortening only shortens a bone; the longest tenth is left to errors of detection
USUAL = 0.5  # of a face: from the nose to an eye or ear is longer in profile, and references look at us
TINY = 0.1  # a bone below this part of its human proportion is foreshortened or wrong, and tells nothing
MIN_KINDS = 2  # of bones of the body that both bodies must show to be compared at all


@dataclass(frozen=True)
class Length:
    """A distance that is measured: pairs of points (pooled), and its part of a person's stature."""

    kind: str
    pairs: tuple[tuple[int, int], ...]
    proportion: float


def _bones(kind: str, upper: str, lower: str) -> Length:
    pairs = {(joint(side, upper), joint(side, lower)) for side in SIDES}
    return Length(kind, tuple(sorted(pairs)), float(PROPORTION[KIND[kind]]))


def _of_hands(point: int) -> Length:
    return Length("hand", tuple((HAND[side], HAND[side] + point) for side in SIDES), 0.05)


def _of_face(first: int, second: int, proportion: float) -> Length:
    return Length("face", ((FACE.start + first, FACE.start + second),), proportion)


_HEIGHT = (
    _bones("neck", "neck", "nose"),
    _bones("torso", "neck", "hip"),
    _bones("thigh", "hip", "knee"),
    _bones("shin", "knee", "ankle"),
)  # one above the other
BODY_LENGTHS = (
    *_HEIGHT,
    _bones("shoulder", "neck", "shoulder"),
    _bones("upper_arm", "shoulder", "elbow"),
    _bones("forearm", "elbow", "wrist"),
)
LENGTHS = (
    *BODY_LENGTHS,
    _bones("face", "nose", "eye"),
    _bones("face", "eye", "ear"),
    _of_face(36, 45, 0.05),  # the outer corners of the eyes
    _of_face(27, 8, 0.07),  # the bridge of the nose and the chin
    _of_hands(5),  # the wrist and the root of the index finger
    _of_hands(9),
)
_PROPORTIONS = np.array([length.proportion for length in LENGTHS])
_KIND_OF = np.array([KIND[length.kind] for length in LENGTHS])
_QUANTILE = np.array([USUAL if length.kind == "face" else LONG for length in LENGTHS])
# Pairs in rows of two: (len(LENGTHS), 2) each; a length of one pair has it twice, of which one is measured.
_STARTS, _ENDS = np.moveaxis(np.array([(length.pairs * 2)[:2] for length in LENGTHS]), -1, 0)
_MEASURED = np.array([[True, len(length.pairs) == 2] for length in LENGTHS])


def lengths(points: np.ndarray) -> np.ndarray:
    """Measure LENGTHS in points (f, 130, 3) in pixels, over the frames where both ends are seen.

    Returns (len(LENGTHS),) in pixels, 0 for what is never seen or tiny beside the rest of the body.
    """
    starts, ends = points[:, _STARTS], points[:, _ENDS]
    both = seen(starts) & seen(ends) & _MEASURED
    distances = np.linalg.norm(starts[..., :2] - ends[..., :2], axis=-1)
    pooled = np.where(both, distances, np.nan).swapaxes(1, 2).reshape(-1, len(LENGTHS))
    found = _quantiles(pooled, both.sum(axis=(0, 2)))
    return np.where(found > TINY * stature(found) * _PROPORTIONS, found, 0.0)


def _quantiles(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return _QUANTILE, linearly interpolated, of the `counts` numbers in each column, else NaN; 0 of none.

    All columns at once: training measures two bodies for each of its samples.
    """
    if not len(values):
        return np.zeros(len(counts))
    ordered = np.sort(values, axis=0)  # NaN last
    last = np.maximum(counts - 1, 0)
    place = last * _QUANTILE
    below = place.astype(int)
    low, high = (ordered[row, np.arange(len(counts))] for row in (below, np.minimum(below + 1, last)))
    part, step = place - below, high - low
    return np.where(counts > 0, np.where(part < 0.5, low + step * part, high - step * (1 - part)), 0.0)


def stature(found: np.ndarray) -> float:
    """Estimate a body's height in pixels when it stands, from its `lengths`, by human proportions.

    The bones that lie one above the other tell it best; others are asked where none of those is seen.
    0 where nothing is.
    """
    for group in (slice(len(_HEIGHT)), slice(None)):
        known = found[group] > 0
        if known.any():
            return float(found[group][known].sum() / _PROPORTIONS[group][known].sum())
    return 0.0


def common_scale(driving: np.ndarray, reference: np.ndarray) -> float | None:
    """Return how many times larger the reference's body is than the driving one, from their `lengths`.

    It is the median over the kinds of the body's bones that both show, each weighing what it takes of
    the stature; None where they share fewer than LEAST_KINDS.
    """
    body = slice(len(BODY_LENGTHS))
    both = (driving[body] > 0) & (reference[body] > 0)
    if both.sum() < MIN_KINDS:
        return None
    return _weighted_median(reference[body][both] / driving[body][both], _PROPORTIONS[body][both])


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def bone_ratios(driving: np.ndarray, reference: np.ndarray, scale: float, bound: float) -> np.ndarray:
    """Return how many times longer the reference's bones are than the driving ones: (len(KINDS),).

    Kinds that either lacks take their neighbour's ratio (see `_NEIGHBOURS`) or the body's `scale`.
    All are kept between scale / bound and scale * bound, but for the face, which cartoons enlarge most: it
    may go on to the square of `bound`.
    """
    both = (driving > 0) & (reference > 0)
    own = {kind: _ratio(driving, reference, both & (index == _KIND_OF)) for kind, index in KIND.items()}
    for kind, neighbour in _NEIGHBOURS:
        own[kind] = own[kind] or own[neighbour]
    bounds = np.full(len(KINDS), bound)
    bounds[KIND["face"]] = bound**2
    return np.clip([own[kind] or scale for kind in KINDS], scale / bounds, scale * bounds)


# Whom a kind asks that was not measured, in order. Feet are never measured: they go with the shins.
_NEIGHBOURS = (
    ("upper_arm", "forearm"),
    ("forearm", "upper_arm"),
    ("hand", "forearm"),
    ("thigh", "shin"),
    ("shin", "thigh"),
    ("foot", "shin"),
    ("face", "neck"),
)


def _ratio(driving: np.ndarray, reference: np.ndarray, known: np.ndarray) -> float | None:
    return median((reference[known] / driving[known]).tolist()) if known.any() else None
