"""The explicit pose indicator (EPI): transforms the poses of a clip to those of another body."""

from dataclasses import dataclass

import numpy as np

from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...retarget.character import Character
from ...retarget.parts import add_parts, drop_parts
from ...retarget.plan import in_pixels, plan_for
from ...retarget.settings import RetargetSettings
from ...retarget.transform import rescale, transform_points
from .pose_pool import EpiRandomness, PosePool, fit_into_image, fit_to_image_size
from .settings import EpiSettings

MAX_COORDINATE = 1e6  # in image sizes; outliers are clipped to it


@dataclass(frozen=True, eq=False)
class Transformation:
    """The transformation of one clip.

    Attributes:
        anchor: Pose of another body (one frame), or None to keep the clip's own.
        combination: Combination from the rescale pool.
        keep_inside: See `EpiSettings`.

    """

    anchor: PoseSequence | None
    combination: RetargetSettings
    keep_inside: bool

    def __call__(self, poses: PoseSequence) -> PoseSequence:
        """Transform poses. Bone directions and scores stay the same.

        The median position of the neck becomes that of the anchor, unless the figure has to be moved to stay
        inside the image. If the anchor has too few bones in common with the clip, it keeps its own body.
        Keypoints of score 0 keep their coordinates.

        Args:
            poses: Poses of the clip.

        Returns:
            The transformed poses, relative to the same image size.

        """
        original = in_pixels(poses, poses.width, poses.height)
        extended = add_parts(original, self.combination.add)
        plan = plan_for(extended, poses, self._character(poses), self.combination)
        points = rescale(extended, plan.ratios, plan.motion)
        if self.keep_inside:
            points = transform_points(points, fit_into_image(points, original, poses.width, poses.height))
        scaled = np.clip(points / [poses.width, poses.height, 1], -MAX_COORDINATE, MAX_COORDINATE)
        kept = np.where(points[..., 2:] > 0, scaled.astype(np.float32), poses.points)
        return poses.with_points(drop_parts(kept, self.combination.drop))

    def _character(self, poses: PoseSequence) -> Character:
        size = (poses.width, poses.height)
        return Character(*size, None if self.anchor is None else fit_to_image_size(self.anchor, *size))


@dataclass(frozen=True, eq=False)
class ExplicitPoseIndicator:
    """Transforms training poses at random (Animate-X, section 3.3).

    The body is aligned to an anchor pose from the pool, then a combination from the rescale pool is applied.
    Both use the operations of `retarget`, with one choice for the whole clip.

    Attributes:
        pool: The pose pool.
        settings: What is transformed, and how often.

    Raises:
        InvalidInput: If realignment is on and the pool holds no anchor.

    """

    pool: PosePool
    settings: EpiSettings = EpiSettings()  # noqa: RUF009  # frozen

    def __post_init__(self) -> None:
        if self.settings.realignment and not len(self.pool):
            raise InvalidInput(
                "the pose pool has no frame that shows a neck and enough of a body: use clips of whole "
                "people, or disable realignment."
            )

    def __call__(self, poses: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        """Return the transformed poses, or at the rate 1 - `probability` the poses themselves."""
        transformation = self.transformation(rng)
        return poses if transformation is None else transformation(poses)

    def transformation(self, rng: np.random.Generator) -> Transformation | None:
        """Draw the transformation of a clip, None to leave it unchanged.

        Always takes the same number of random values from `rng`.
        """
        randomness, settings = EpiRandomness.of(rng), self.settings
        if randomness.applied >= settings.probability:
            return None
        anchor = self.pool.anchor(*randomness.anchor) if settings.realignment else None
        return Transformation(anchor, randomness.combination(settings), settings.keep_inside)
