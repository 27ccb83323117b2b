"""A clip as it is stored: all its frames, and the pictures among which the reference is chosen."""

from dataclasses import dataclass

from torch import Tensor

from ...conditioning import MotionFeatures, ReferenceFeatures, require_a_pose_each
from ...pose.skeleton import PoseSequence


@dataclass(frozen=True, eq=False)
class StoredClip:
    """A clip of f frames.

    latents: (f, latent_channels, h, w), scaled. poses: of the character in these frames. motion: of whoever
    drives; where its poses are `poses` they are stored once.
    references: one picture of the character or more, among which training chooses; all have latents, or none.
    reference_frames: which frames of the clip they are; empty for pictures from elsewhere.
    puppet: (f, latent_channels, h, w), scaled latents of the reference carried along the bones, or None.
    """

    latents: Tensor
    poses: PoseSequence
    motion: MotionFeatures
    references: tuple[ReferenceFeatures, ...]
    reference_frames: tuple[int, ...] = ()
    puppet: Tensor | None = None

    def __post_init__(self) -> None:
        require_a_pose_each(len(self.latents), len(self.poses))
        require_a_pose_each(len(self.latents), len(self.motion.poses))
        assert self.references
        assert len(self.reference_frames) in (0, len(self.references))
