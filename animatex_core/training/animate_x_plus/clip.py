"""What a data set gives a training of Animate-X++: a clip that Wan shall make, and what it is told of it."""

from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, require_a_pose_each
from ...animate_x_plus.shapes import latent_frames, require_frames
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from .trainable_parts import Task


@dataclass(frozen=True, eq=False)
class DrivingFeatures:
    """What an animation is told beside picture and text, of f frames.

    poses: of the character itself in the true frames; EPI transforms these, and they are what is drawn.
    reference_pose: of one frame, that of the reference picture. motion: of whoever drives.
    """

    poses: PoseSequence
    reference_pose: PoseSequence
    motion: MotionFeatures

    def __post_init__(self) -> None:
        require_a_pose_each(len(self.motion.poses), len(self.poses))

    def first(self, frames: int) -> "DrivingFeatures":
        """Return the first frames."""
        kept = range(frames)
        motion = replace(self.motion, clip=self.motion.clip[:frames], poses=self.motion.poses.select(kept))
        return replace(self, poses=self.poses.select(kept), motion=motion)


@dataclass(frozen=True, eq=False)
class WanClip:
    """A clip of 4n + 1 frames.

    latents: (16, n + 1, h, w), normalised, of the true frames. image_latents: likewise of the reference
    picture followed by grey frames, as `preprocess.reference_video`; in the TI2V task the picture is the
    clip's first frame. clip_features: (257, image_dim), penultimate states of Wan's CLIP tower on the
    picture. text_context: (tokens, text_dim), the text encoder's states of the caption's tokens alone.
    dance: None in the TI2V task, whose clips need no people.
    """

    latents: Tensor
    image_latents: Tensor
    clip_features: Tensor
    text_context: Tensor
    dance: DrivingFeatures | None = None

    def __post_init__(self) -> None:
        if self.latents.shape != self.image_latents.shape:
            raise InvalidInput(
                f"A clip has latents of {tuple(self.latents.shape)}, but its reference picture of "
                f"{tuple(self.image_latents.shape)}: encode both at one size and length."
            )

    def first(self, frames: int) -> "WanClip":
        """Return the first `frames` = 4m + 1 frames, whose latents do not know of the later ones.

        No other stretch can be cut from latents, for the autoencoder's first frame is a latent of its own.
        Raises InvalidInput where the clip is shorter.
        """
        require_frames(frames)
        count, there = latent_frames(frames), self.latents.shape[1]
        if count > there:
            raise InvalidInput(
                f"A clip has {4 * there - 3} frames, but batches.frames is {frames}: lower it, or encode "
                "longer clips."
            )
        return replace(
            self,
            latents=self.latents[:, :count],
            image_latents=self.image_latents[:, :count],
            dance=None if self.dance is None else self.dance.first(frames),
        )


class WanClips(Protocol):
    """Clips of both tasks by number."""

    @property
    def empty_text(self) -> Tensor:
        """(tokens, text_dim), the text encoder's states of ""."""
        ...

    def count(self, task: Task) -> int:
        """Return how many clips a task has."""
        ...

    def clip(self, task: Task, index: int) -> WanClip:
        """Return a clip, a dance in the animation task; raises InvalidInput for a damaged one."""
        ...

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws its anchors from, a sequence a clip."""
        ...
