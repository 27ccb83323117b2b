"""Accuracy of a pose extractor on synthetic clips with known poses."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ...pose.extractor import PoseExtractor
from ...pose.keypoints import BODY, BODY_JOINTS, PoseSequence, seen
from ...retarget.bones import MIRROR
from ..synthetic.triples import TEST_SEED, Scene, draw_dancer_look, draw_scene
from ..synthetic.visibility import visible_joints
from .scores import NEAR_DISTANCE, joint_distances

FRAMES = 8
SIZE = 256, 384
OTHER_SIDE = [MIRROR.get(joint, joint) for joint in range(len(BODY_JOINTS))]


@dataclass(frozen=True, eq=False)
class JointAccuracy:
    """Counts for each joint of the body, (20,) each.

    Attributes:
        visible: Visible joints in all frames.
        near: Visible joints that were found within NEAR of the true position.
        exchanged: Other visible joints at whose position the joint of the other side was found, for example
            where legs of the same colour cross.
        absent: Joints that the body lacks.
        invented: Absent joints that were detected.

    """

    visible: np.ndarray
    near: np.ndarray
    exchanged: np.ndarray
    absent: np.ndarray
    invented: np.ndarray

    @property
    def overall(self) -> float:
        """Share of the visible joints that were found within NEAR."""
        return float(self.near.sum() / self.visible.sum())

    @property
    def exchanges(self) -> float:
        """Share of the visible joints that were swapped with those of the other side."""
        return float(self.exchanged.sum() / self.visible.sum())

    @property
    def by_joint(self) -> dict[str, float]:
        """Share found within NEAR for each joint; NaN for one that was never visible."""
        shares = self.near / np.where(self.visible, self.visible, np.nan)
        return dict(zip(BODY_JOINTS, shares.tolist(), strict=True))

    @property
    def inventions(self) -> float:
        """Share of the absent joints that were detected."""
        return float(self.invented.sum() / max(1, self.absent.sum()))


def held_out_clips(count: int) -> Iterator[Scene]:
    """Generate held-out characters and people with held-out motion."""
    return map(_held_out_clip, range(count))


def clips_of_lacking_bodies(count: int) -> Iterator[Scene]:
    """Generate the first held-out clips whose body lacks limbs; only one in 25 does."""
    lacking = (number for number in itertools.count() if draw_dancer_look(_rng(number)).anatomy.missing)
    return map(_held_out_clip, itertools.islice(lacking, count))


def _held_out_clip(number: int) -> Scene:
    return draw_scene(_rng(number), FRAMES, *SIZE, held_out=True)


def _rng(number: int) -> np.random.Generator:
    return np.random.default_rng([TEST_SEED, 8, number])


def joint_accuracy(extractor: PoseExtractor, clips: Iterable[Scene]) -> JointAccuracy:
    """Extract the poses of one or more clips and compare them with the true ones."""
    counts = [_counts(extractor.extract(list(clip.frames)), clip) for clip in clips]
    return JointAccuracy(*np.sum(counts, axis=0))


def joint_shares(extractor: PoseExtractor, clips: int, lacking: int) -> dict[str, float]:
    """Measure the accuracy on held-out dancers.

    Args:
        extractor: The extractor.
        clips: Number of clips, of whose bodies few lack limbs.
        lacking: Number of clips of bodies that lack limbs, for false detections alone; 0 skips them.

    Returns:
        The shares of JointAccuracy by name.

    """
    found = joint_accuracy(extractor, held_out_clips(clips))
    shares = {"all": found.overall, "left and right swapped": found.exchanges, **found.by_joint}
    shares["false detections of absent joints"] = found.inventions
    if lacking:
        bodies = joint_accuracy(extractor, clips_of_lacking_bodies(lacking))
        shares[f"false detections on {lacking} bodies that lack limbs"] = bodies.inventions
    return shares


def _counts(found: PoseSequence, clip: Scene) -> np.ndarray:
    """Return the counts of JointAccuracy for one clip, (5, 20)."""
    present, visible = seen(clip.poses.body), visible_joints(clip)
    near, exchanged = (visible & _is_near(points, clip) for points in (found, _swap_sides(found)))
    masks = visible, near, exchanged & ~near, ~present, ~present & seen(found.body)
    return np.stack([mask.sum(axis=0) for mask in masks])


def _is_near(found: PoseSequence, clip: Scene) -> np.ndarray:
    return seen(found.body) & (joint_distances(found, clip) <= NEAR_DISTANCE)


def _swap_sides(found: PoseSequence) -> PoseSequence:
    points = found.points.copy()
    points[:, BODY] = points[:, OTHER_SIDE]
    return found.with_points(points)
