"""Measure bone lengths over a whole video, and compare them between two bodies."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from ..pose.keypoints import FACE, seen
from .bones import HAND, KIND, KINDS, PROPORTION, SIDES, joint

LONG = 0.9  # quantile: foreshortening only shortens bones, and the longest tenth may be detection errors
USUAL = 0.5  # quantile for faces: nose to eye or ear is longer in profile, but references face the viewer
TINY = 0.1  # bones below this fraction of their human proportion are foreshortened or wrong, and are ignored
MIN_KINDS = 2  # kinds of body bones that both bodies must show to be compared


@dataclass(frozen=True)
class Length:
    """A measured distance.

    Attributes:
        kind: One of KINDS.
        pairs: Pairs of points whose distances are pooled.
        proportion: Its human length relative to body height.

    """

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
)  # stacked vertically in a standing person
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
# Pairs in rows of two: (len(LENGTHS), 2) each. A single pair is repeated, but measured once.
_STARTS, _ENDS = np.moveaxis(np.array([(length.pairs * 2)[:2] for length in LENGTHS]), -1, 0)
_MEASURED = np.array([[True, len(length.pairs) == 2] for length in LENGTHS])


def measure_lengths(points: np.ndarray) -> np.ndarray:
    """Measure LENGTHS over the frames in which both ends are visible.

    Args:
        points: (f, 130, 3) in pixels.

    Returns:
        (len(LENGTHS),) in pixels; 0 for what is never visible or tiny compared with the rest of the body.

    """
    starts, ends = points[:, _STARTS], points[:, _ENDS]
    both = seen(starts) & seen(ends) & _MEASURED
    distances = np.linalg.norm(starts[..., :2] - ends[..., :2], axis=-1)
    pooled = np.where(both, distances, np.nan).swapaxes(1, 2).reshape(-1, len(LENGTHS))
    found = _quantiles(pooled, both.sum(axis=(0, 2)))
    return np.where(found > TINY * stature(found) * _PROPORTIONS, found, 0.0)


def _quantiles(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the linearly interpolated _QUANTILE of each column with `counts` numbers and NaN, else 0.

    All columns are computed at once, because training measures two bodies per sample.
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
    """Estimate the height in pixels of a standing body, from its `measure_lengths` and human proportions.

    Vertically stacked bones are preferred; others are used if none of these is visible. 0 if nothing is.
    """
    for group in (slice(len(_HEIGHT)), slice(None)):
        known = found[group] > 0
        if known.any():
            return float(found[group][known].sum() / _PROPORTIONS[group][known].sum())
    return 0.0


def common_scale(driving: np.ndarray, reference: np.ndarray) -> float | None:
    """Return how many times larger the reference's body is than the driving one.

    It is the median over the kinds of body bones that both show, weighted by their share of body height.

    Args:
        driving: `measure_lengths` of the driving body.
        reference: `measure_lengths` of the reference's body.

    Returns:
        The scale, None if they share fewer than MIN_KINDS kinds.

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
    """Return how many times longer the reference's bones are than the driving ones.

    Kinds that either lacks use a neighbour's ratio (see `_NEIGHBOURS`) or `scale`. The face may deviate by
    the square of `bound`, because cartoons enlarge it most.

    Args:
        driving: `measure_lengths` of the driving body.
        reference: `measure_lengths` of the reference's body.
        scale: Scale of the whole body.
        bound: Ratios are clamped between scale / bound and scale * bound.

    Returns:
        (len(KINDS),).

    """
    both = (driving > 0) & (reference > 0)
    own = {kind: _ratio(driving, reference, both & (index == _KIND_OF)) for kind, index in KIND.items()}
    for kind, neighbour in _NEIGHBOURS:
        own[kind] = own[kind] or own[neighbour]
    bounds = np.full(len(KINDS), bound)
    bounds[KIND["face"]] = bound**2
    return np.clip([own[kind] or scale for kind in KINDS], scale / bounds, scale * bounds)


# Which ratio replaces one that was not measured, in order. Feet are never measured and follow the shins.
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
