"""The explicit pose indicator (EPI) of training: a clip's poses, as another body would have danced them."""

from dataclasses import dataclass

import numpy as np

from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...retarget.character import Character
from ...retarget.parts import add_parts, drop_parts
from ...retarget.plan import in_pixels, plan_for
from ...retarget.settings import RetargetSettings
from ...retarget.transform import moved, rescale
from .pose_pool import EpiRandomness, PosePool, in_picture_of, into_picture
from .settings import EpiSettings

FARTHEST = 1e6  # pictures away from the picture; a wild point beyond is kept there


@dataclass(frozen=True, eq=False)
class Transformation:
    """What becomes of one clip.

    anchor: one frame of another body, None to keep the own; combination: of the rescale pool; keep_inside:
    see EpiSettings.
    """

    anchor: PoseSequence | None
    combination: RetargetSettings
    keep_inside: bool

    def __call__(self, poses: PoseSequence) -> PoseSequence:
        """Return the transformed poses, in parts of the same picture; angles and scores stay.

        The dancer's neck is where the anchor's is, over the clip, unless he must be moved to stay inside the
        picture. An anchor that shares too few bones with him leaves him his own body. Points of score 0 keep
        their numbers.
        """
        before = in_pixels(poses, poses.width, poses.height)
        whole = add_parts(before, self.combination.add)
        plan = plan_for(whole, poses, self._character(poses), self.combination)
        points = rescale(whole, plan.ratios, plan.motion)
        if self.keep_inside:
            points = moved(points, into_picture(points, before, poses.width, poses.height))
        places = np.clip(points / [poses.width, poses.height, 1], -FARTHEST, FARTHEST)
        kept = np.where(points[..., 2:] > 0, places.astype(np.float32), poses.points)
        return poses.with_points(drop_parts(kept, self.combination.drop))

    def _character(self, poses: PoseSequence) -> Character:
        size = (poses.width, poses.height)
        return Character(*size, None if self.anchor is None else in_picture_of(self.anchor, *size))


@dataclass(frozen=True, eq=False)
class ExplicitPoseIndicator:
    """Poses of training, transformed at random (Animate-X, section 3.3).

    The body is aligned to an anchor pose of the pool, then a combination of the rescale pool is applied: both
    by the operations of `retarget`, one choice for the whole clip.
    Raises InvalidInput where realignment is on and the pool holds no anchor.
    """

    pool: PosePool
    settings: EpiSettings = EpiSettings()  # noqa: RUF009  # frozen

    def __post_init__(self) -> None:
        if self.settings.realignment and not len(self.pool):
            raise InvalidInput(
                "the pose pool has no frame that shows a neck and enough of a body: give clips of whole "
                "people, or switch realignment off."
            )

    def __call__(self, poses: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        """Return the transformed poses, with the same frames, rate and picture; or, seldom, the poses."""
        transformation = self.transformation(rng)
        return poses if transformation is None else transformation(poses)

    def transformation(self, rng: np.random.Generator) -> Transformation | None:
        """Return what becomes of a clip, None for nothing; `rng` goes on by the same numbers in any case."""
        draws, settings = EpiRandomness.of(rng), self.settings
        if draws.applied >= settings.probability:
            return None
        anchor = self.pool.anchor(*draws.anchor) if settings.realignment else None
        return Transformation(anchor, draws.combination(settings), settings.keep_inside)
