"""Training clips of Animate-X++: encoded videos with the conditions that Wan is trained with."""

from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, require_pose_per_frame
from ...animate_x_plus.shapes import latent_frames, require_frames
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ..data.settings import Task


@dataclass(frozen=True, eq=False)
class DrivingFeatures:
    """Conditions of an animation clip of f frames, besides image and text.

    Attributes:
        poses: The character's own poses in the target frames. EPI transforms them; they are drawn as the
            pose video.
        reference_pose: Pose of the reference image (one frame).
        motion: Embeddings and poses of the driving video.

    """

    poses: PoseSequence
    reference_pose: PoseSequence
    motion: MotionFeatures

    def __post_init__(self) -> None:
        require_pose_per_frame(len(self.motion.poses), len(self.poses))

    def first(self, frames: int) -> "DrivingFeatures":
        """Return the first frames."""
        kept = range(frames)
        motion = replace(self.motion, clip=self.motion.clip[:frames], poses=self.motion.poses.select(kept))
        return replace(self, poses=self.poses.select(kept), motion=motion)


@dataclass(frozen=True, eq=False)
class WanClip:
    """A clip of 4n + 1 frames.

    Attributes:
        latents: Normalised latents (16, n + 1, h, w) of the target frames.
        image_latents: The same for the reference image followed by grey frames, see
            `preprocessing.reference_video`. In the TI2V task the image is the first frame of the clip.
        clip_features: Penultimate states (257, image_dim) of Wan's CLIP model for the reference image.
        text_context: Text encoder states (tokens, text_dim) of the caption, without padding.
        dance: Pose conditions. None in the TI2V task, whose clips need not show people.

    Raises:
        InvalidInput: If `latents` and `image_latents` have different shapes.

    """

    latents: Tensor
    image_latents: Tensor
    clip_features: Tensor
    text_context: Tensor
    dance: DrivingFeatures | None = None

    def __post_init__(self) -> None:
        if self.latents.shape != self.image_latents.shape:
            raise InvalidInput(
                f"A clip has latents of shape {tuple(self.latents.shape)}, but those of its reference image "
                f"have {tuple(self.image_latents.shape)}: encode both at the same size and length."
            )

    def first(self, frames: int) -> "WanClip":
        """Return the first `frames` = 4m + 1 frames, whose latents do not depend on later frames.

        Latents can only be cut at the start, because the autoencoder encodes the first frame on its own.

        Raises:
            InvalidInput: If the clip is shorter.

        """
        require_frames(frames)
        count, available = latent_frames(frames), self.latents.shape[1]
        if count > available:
            raise InvalidInput(
                f"A clip has {4 * available - 3} frames, but batches.frames is {frames}: lower it, or encode "
                "longer clips."
            )
        return replace(
            self,
            latents=self.latents[:, :count],
            image_latents=self.image_latents[:, :count],
            dance=None if self.dance is None else self.dance.first(frames),
        )


class WanClips(Protocol):
    """A data set with clips of both tasks, by index."""

    @property
    def empty_text(self) -> Tensor:
        """Text encoder states (tokens, text_dim) of the empty prompt."""
        ...

    def count(self, task: Task) -> int:
        """Return the number of clips of a task."""
        ...

    def clip(self, task: Task, index: int) -> WanClip:
        """Return a clip, with `dance` in the animation task.

        Raises:
            InvalidInput: If the clip is damaged.

        """
        ...

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws anchors from, one sequence per clip."""
        ...
