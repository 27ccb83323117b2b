"""The pose pool of the explicit pose indicator, its random values, and how poses are fitted into an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...pose.keypoints import BODY, PoseSequence, seen
from ...retarget.bones import ROOT
from ...retarget.measure import BODY_LENGTHS
from ...retarget.parts import PARTS
from ...retarget.settings import ADDABLE, Factors, RetargetSettings
from ...retarget.transform import IDENTITY, Similarity
from .settings import EpiSettings

OUTLIER_SHARE = 0.02  # share of the body keypoints, on each side, that may lie outside the image
MIN_LENGTHS = 4  # of the seven body lengths that a frame must show for its proportions to be known
SCALED_PARTS = ("body", "legs", "arms", "neck", "shoulders", "face")
# Number of random values for each field of EpiRandomness.
_COUNTS = (1, 2, len(SCALED_PARTS), len(SCALED_PARTS), len(PARTS), len(ADDABLE))


class PosePool:
    """Anchor poses: the frames of many sequences that show the neck and at least ENOUGH body lengths.

    Sequences are not copied; only the indices of their usable frames are stored. All sequences are equally
    likely, so that long videos do not dominate.
    """

    def __init__(self, sequences: Sequence[PoseSequence]) -> None:
        usable = ((poses, np.flatnonzero(_is_measurable(poses.body))) for poses in sequences)
        self._sequences = [(poses, frames) for poses, frames in usable if frames.size]

    def __len__(self) -> int:
        """Return the number of anchor poses."""
        return sum(frames.size for _, frames in self._sequences)

    def anchor(self, sequence: float, frame: float) -> PoseSequence:
        """Return an anchor pose from a pool that is not empty.

        Args:
            sequence: Random value in [0, 1) that selects the sequence.
            frame: Random value in [0, 1) that selects its frame.

        Returns:
            A sequence of one frame.

        """
        poses, frames = self._sequences[int(sequence * len(self._sequences))]
        index = frames[int(frame * frames.size)]
        row = slice(index, index + 1)
        return PoseSequence(poses.body[row], poses.hands[row], poses.face[row], poses.width, poses.height)


def _is_measurable(body: np.ndarray) -> np.ndarray:
    """Return for which frames (f,) a body (f, 20, 3) shows its proportions."""
    detected = seen(body)
    lengths = [detected[:, length.pairs].all(axis=-1).any(axis=-1) for length in BODY_LENGTHS]
    return detected[:, ROOT] & (np.sum(lengths, axis=0) >= MIN_LENGTHS)


@dataclass(frozen=True, eq=False)
class EpiRandomness:
    """Uniform random values in [0, 1), the same number for every clip and all settings.

    Settings only decide how the values are used. Two trainings that differ in one operation therefore do the
    same in all others, clip by clip, which pairs an ablation with its baseline.

    Attributes:
        applied: Whether the clip is transformed.
        anchor: Which anchor, (2,).
        changed: Which parts of `SCALED` change their length, (6,).
        size: To which length, (6,).
        dropped: Which parts are removed, (len(PARTS),).
        added: Which parts are added, (len(ADDABLE),).

    """

    applied: float
    anchor: np.ndarray
    changed: np.ndarray
    size: np.ndarray
    dropped: np.ndarray
    added: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator) -> "EpiRandomness":
        """Draw the values from `rng`, in the order of the fields."""
        applied, *others = np.split(rng.random(sum(_COUNTS)), np.cumsum(_COUNTS)[:-1])
        return cls(float(applied[0]), *others)

    def combination(self, settings: EpiSettings) -> RetargetSettings:
        """Return the transformation of a clip, if it is transformed."""
        return RetargetSettings(
            mode="retarget" if settings.realignment else "none",
            factors=self._factors(settings),
            drop=_select(PARTS, self.dropped, settings.drop_chance * (settings.rescaling and settings.drop)),
            add=_select(ADDABLE, self.added, settings.add_chance * (settings.rescaling and settings.add)),
        )

    def _factors(self, settings: EpiSettings) -> Factors:
        parts = settings.scaled_parts()
        factors = {}
        for part, changed, size in zip(SCALED_PARTS, self.changed, self.size, strict=True):
            if part in parts and changed < settings.factor_chance:
                smallest, largest = getattr(settings.ranges, part)
                factors[part] = float(smallest * (largest / smallest) ** size)
        return Factors(**factors)


def _select(names: tuple[str, ...], values: np.ndarray, probability: float) -> tuple[str, ...]:
    return tuple(name for name, value in zip(names, values, strict=True) if value < probability)


def fit_to_image_size(anchor: PoseSequence, width: int, height: int) -> PoseSequence:
    """Convert a pose to another image size without distorting the body.

    The body keeps its share of the image height, because figures are mostly upright, and its centre keeps its
    horizontal position.

    Args:
        anchor: The pose.
        width: Width of the new image in pixels.
        height: Height of the new image in pixels.

    Returns:
        The pose relative to the new size.

    """
    body = anchor.body[seen(anchor.body)]
    middle = body[:, 0].mean()
    stretch = (anchor.width / anchor.height) / (width / height)
    points = anchor.points.copy()
    points[..., 0] = middle + (points[..., 0] - middle) * stretch
    return PoseSequence.from_points(points, width, height)


def fit_into_image(points: np.ndarray, before: np.ndarray, width: int, height: int) -> Similarity:
    """Return the smallest transformation that brings a figure into the image.

    The figure is shrunk no more than necessary, then moved no farther than necessary. Areas outside the image
    that the original figure covered count as inside, so that an unchanged clip is not moved.

    Args:
        points: Keypoints (f, 130, 3) of the figure in pixels.
        before: Keypoints (f, 130, 3) of the original figure in pixels.
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        The transformation; the identity if no body is visible.

    """
    box, original = _extent(points), _extent(before)
    if box is None or original is None:
        return IDENTITY
    low, high = np.minimum(original[0], 0), np.maximum(original[1], np.array([width, height]))
    middle, half = box.mean(axis=0), (box[1] - box[0]) / 2
    scale = min(1.0, *((high - low) / np.maximum(2 * half, 1e-9)))
    reach = half * scale
    return Similarity(scale, middle, np.clip(middle, low + reach, high - reach))


def _extent(points: np.ndarray) -> np.ndarray | None:
    """Return ((left, top), (right, bottom)) of the visible body, or None."""
    body = points[:, BODY]
    places = body[seen(body), :2]
    return np.quantile(places, [OUTLIER_SHARE, 1 - OUTLIER_SHARE], axis=0) if len(places) else None
