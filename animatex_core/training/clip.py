"""What a data set gives the trainer: one clip that the denoiser shall make, and what it is told of it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from ..conditioning import MotionFeatures, ReferenceFeatures, require_a_pose_each
from ..pose.skeleton import PoseSequence


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """A clip of f frames.

    latents: (latent_channels, f, h, w), scaled latents of the true frames.
    reference: the picture of the character, of the same clip or of the same character elsewhere.
    poses: of the character itself in the true frames; EPI transforms these, and they are what is drawn.
    motion: of whoever drives, with his own poses: the character itself, or a body of another shape that
        moves alike.
    puppet: (latent_channels, f, h, w), scaled latents of the reference carried along the bones, or None.
    """

    latents: Tensor
    reference: ReferenceFeatures
    poses: PoseSequence
    motion: MotionFeatures
    puppet: Tensor | None = None

    def __post_init__(self) -> None:
        require_a_pose_each(self.latents.shape[1], len(self.poses))
        require_a_pose_each(len(self.poses), len(self.motion.poses))


class ClipDataset(Protocol):
    """Clips by number. The same number, count of frames and random state give the same clip."""

    def __len__(self) -> int: ...

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        """Return `frames` frames of clip `index`; `rng` chooses which, and which reference.

        Raises InvalidInput for a clip that is too short or damaged.
        """
        ...

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws its anchors from, a sequence a clip."""
        ...
