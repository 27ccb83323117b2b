"""The pose pool, what is random about one clip, and where in an image a pose lies."""

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

OUTERMOST = 0.02  # the part of the body's points, at each side, that may lie outside the picture


def in_picture_of(anchor: PoseSequence, width: int, height: int) -> PoseSequence:
    """Return a pose in a picture of these pixels: as large a part of its height, the body undistorted.

    The middle of the body stays at the same part of the width. Figures are upright more often than not, so
    that the height is what they are to fit into.
    """
    body = anchor.body[seen(anchor.body)]
    middle = body[:, 0].mean()
    widened = (anchor.width / anchor.height) / (width / height)
    points = anchor.points.copy()
    points[..., 0] = middle + (points[..., 0] - middle) * widened
    return PoseSequence.from_points(points, width, height)


def into_picture(points: np.ndarray, before: np.ndarray, width: int, height: int) -> Similarity:
    """Return the least motion that brings the body of a clip, (f, 130, 3) in pixels, inside its picture.

    It is made no smaller than it must be and then moved no farther than it must be. What the clip `before`
    its transformation showed outside the picture counts as inside, so that a clip that is not changed stays.
    """
    box, old = _extent(points), _extent(before)
    if box is None or old is None:
        return IDENTITY
    size = np.array([width, height])
    least, most = np.minimum(old[0], 0), np.maximum(old[1], size)
    middle, half = box.mean(axis=0), (box[1] - box[0]) / 2
    scale = min(1.0, *((most - least) / np.maximum(2 * half, 1e-9)))
    reach = half * scale
    return Similarity(scale, middle, np.clip(middle, least + reach, most - reach))


def _extent(points: np.ndarray) -> np.ndarray | None:
    """Return ((left, top), (right, bottom)) of what is seen of a body, None of nothing."""
    body = points[:, BODY]
    places = body[seen(body), :2]
    return np.quantile(places, [OUTERMOST, 1 - OUTERMOST], axis=0) if len(places) else None


ENOUGH = 4  # of the seven lengths of a body that a frame must show to tell its shape


class PosePool:
    """The frames of many sequences in which enough of a body is seen to measure: the neck and ENOUGH lengths.

    The sequences are kept as they are and nothing is copied: of each only the frames are noted. Every
    sequence counts the same, however long, so that people with long videos are not drawn more often.
    """

    def __init__(self, sequences: Sequence[PoseSequence]) -> None:
        shown = ((each, np.flatnonzero(_measurable(each.body))) for each in sequences)
        self._sequences = [(each, frames) for each, frames in shown if frames.size]

    def __len__(self) -> int:
        """Count the anchor poses."""
        return sum(frames.size for _, frames in self._sequences)

    def anchor(self, sequence: float, frame: float) -> PoseSequence:
        """Return one frame, where two numbers of 0 or more and less than 1 point into a pool that holds some.

        sequence: into the sequences; frame: into its frames.
        """
        poses, frames = self._sequences[int(sequence * len(self._sequences))]
        at = frames[int(frame * frames.size)]
        one = slice(at, at + 1)
        return PoseSequence(poses.body[one], poses.hands[one], poses.face[one], poses.width, poses.height)


def _measurable(body: np.ndarray) -> np.ndarray:
    """Return which frames (f,) of a body (f, 20, 3) tell its shape."""
    there = seen(body)
    shown = [there[:, length.pairs].all(axis=-1).any(axis=-1) for length in BODY_LENGTHS]
    return there[:, ROOT] & (np.sum(shown, axis=0) >= ENOUGH)


SCALED = ("body", "legs", "arms", "neck", "shoulders", "face")
# How many numbers decide each thing, in the order of drawing.
_COUNTS = (1, 2, len(SCALED), len(SCALED), len(PARTS), len(ADDABLE))


@dataclass(frozen=True, eq=False)
class EpiRandomness:
    """Uniform numbers of 0 or more and less than 1, as many for every clip and whatever the settings.

    Settings only decide what the numbers mean. So two trainings whose settings differ in one operation do
    the same in all others, clip by clip: an ablation is paired with what it is compared to.
    applied: whether the clip is transformed; anchor (2,): which; changed, size (6,): of SCALED, which have
    another length and what it is; dropped (len(PARTS),) and added (len(ADDABLE),): which parts.
    """

    applied: float
    anchor: np.ndarray
    changed: np.ndarray
    size: np.ndarray
    dropped: np.ndarray
    added: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator) -> "EpiRandomness":
        """Take sum(_COUNTS) numbers from `rng`, in the order of the fields."""
        applied, *others = np.split(rng.random(sum(_COUNTS)), np.cumsum(_COUNTS)[:-1])
        return cls(float(applied[0]), *others)

    def combination(self, settings: EpiSettings) -> RetargetSettings:
        """Return what becomes of the clip where it is transformed."""
        return RetargetSettings(
            mode="retarget" if settings.realignment else "none",
            factors=self._factors(settings),
            drop=_chosen(PARTS, self.dropped, settings.drop_chance * (settings.rescaling and settings.drop)),
            add=_chosen(ADDABLE, self.added, settings.add_chance * (settings.rescaling and settings.add)),
        )

    def _factors(self, settings: EpiSettings) -> Factors:
        parts = settings.scaled_parts()
        factors = {}
        for part, changed, size in zip(SCALED, self.changed, self.size, strict=True):
            if part in parts and changed < settings.factor_chance:
                least, largest = getattr(settings.ranges, part)
                factors[part] = float(least * (largest / least) ** size)
        return Factors(**factors)


def _chosen(names: tuple[str, ...], numbers: np.ndarray, chance: float) -> tuple[str, ...]:
    return tuple(name for name, number in zip(names, numbers, strict=True) if number < chance)
