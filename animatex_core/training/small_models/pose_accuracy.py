"""How well poses are found in clips whose poses are known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ...pose.extractor import PoseExtractor
from ...pose.keypoints import BODY, BODY_JOINTS, PoseSequence, seen
from ...retarget.bones import MIRROR
from ..synthetic.triples import TEST_SEED, Scene, draw_scene
from ..synthetic.visibility import visible_joints
from .scores import NEAR, joint_distances

FRAMES = 8
SIZE = 256, 384
OTHER_SIDE = [MIRROR.get(joint, joint) for joint in range(len(BODY_JOINTS))]


@dataclass(frozen=True, eq=False)
class JointAccuracy:
    """Counts by joint of the drawn body, (20,) each.

    visible: joints that frames show. near: those of them that were found within NEAR; exchanged: others of
    them for which that of the other side was found there, as where legs cross in trousers of one colour.
    absent: joints that the body lacks; invented: those of them that were found all the same.
    """

    visible: np.ndarray
    near: np.ndarray
    exchanged: np.ndarray
    absent: np.ndarray
    invented: np.ndarray

    @property
    def overall(self) -> float:
        """Share of all visible joints that were found within NEAR."""
        return float(self.near.sum() / self.visible.sum())

    @property
    def exchanges(self) -> float:
        """Share of all visible joints that were exchanged with those of the other side."""
        return float(self.exchanged.sum() / self.visible.sum())

    @property
    def by_joint(self) -> dict[str, float]:
        """Share of each joint, NaN for one that was never visible."""
        shares = self.near / np.where(self.visible, self.visible, np.nan)
        return dict(zip(BODY_JOINTS, shares.tolist(), strict=True))

    @property
    def inventions(self) -> float:
        """Share of the absent joints that were found all the same."""
        return float(self.invented.sum() / max(1, self.absent.sum()))


def held_out_clips(count: int) -> Iterator[Scene]:
    """Draw characters and people of the tests, who dance what nobody trained on."""
    for number in range(count):
        yield draw_scene(np.random.default_rng([TEST_SEED, 8, number]), FRAMES, *SIZE, held_out=True)


def joint_accuracy(extractor: PoseExtractor, clips: Iterable[Scene]) -> JointAccuracy:
    """Find the poses in clips, one or more, and compare them with the true ones."""
    counts = [_counts(extractor.extract(list(clip.frames)), clip) for clip in clips]
    return JointAccuracy(*np.sum(counts, axis=0))


def _counts(found: PoseSequence, clip: Scene) -> np.ndarray:
    """Return (5, 20) numbers of joints: visible, near, exchanged, absent, invented."""
    there, visible = seen(clip.poses.body), visible_joints(clip)
    near, exchanged = (visible & _is_near(points, clip) for points in (found, _exchanged(found)))
    invented = ~there & seen(found.body)
    counted = visible, near, exchanged & ~near, ~there, invented
    return np.stack([each.sum(axis=0) for each in counted])


def _is_near(found: PoseSequence, clip: Scene) -> np.ndarray:
    return seen(found.body) & (joint_distances(found, clip) <= NEAR)


def _exchanged(found: PoseSequence) -> PoseSequence:
    points = found.points.copy()
    points[:, BODY] = points[:, OTHER_SIDE]
    return found.with_points(points)
