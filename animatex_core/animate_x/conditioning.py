"""Building the conditions of a video from images, poses and CLIP features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..encoders.base import ImageEncoder, LatentEncoder
from ..encoders.preprocessing import autoencoder_images, clip_images, resize, unit_images
from ..errors import InvalidInput, warn
from ..pose.draw import draw_poses
from ..pose.keypoints import PoseSequence, choose_reference_pose, seen
from ..utils.progress import Progress, batched, no_progress, with_progress
from .conditions import ConditionInputs
from .puppet_condition import PuppetCondition
from .shapes import ClipShape
from .training_spec import ReferenceForm, check_reference_form

MAX_STRETCH = 0.1  # relative change of the aspect ratio beyond which there is a warning
_BATCH = 16  # driving frames that are encoded at once


@dataclass(frozen=True, eq=False)
class MotionFeatures:
    """Inputs of the implicit pose indicator from a driving video of f frames.

    Args:
        clip: CLIP's pooled embeddings of the frames, (f, clip_dim).
        poses: Poses detected in these frames.
        width: Of the frames, in pixels.
        height: Of the frames, in pixels.

    """

    clip: Tensor
    poses: PoseSequence
    width: int
    height: int

    def __post_init__(self) -> None:
        require_pose_per_frame(len(self.clip), len(self.poses))


@dataclass(frozen=True, eq=False)
class ReferenceFeatures:
    """The reference image, encoded.

    Args:
        picture: (h, w, 3) uint8 in RGB.
        embedding: CLIP's pooled embedding of the image, (1, clip_dim).
        pose: The pose in the image, of which the first frame is used; None without a human pose.
        latents: Scaled latents of the image at the size of the video, (1, latent_channels, h, w), or None.
        shows_picture: Condition on the image itself, as the official code does; otherwise only on its
            latents (paper, section 3.1).

    Raises:
        InvalidInput: The model would be conditioned on neither image nor latents.

    """

    picture: np.ndarray
    embedding: Tensor
    pose: PoseSequence | None = None
    latents: Tensor | None = None
    shows_picture: bool = True

    def __post_init__(self) -> None:
        if self.latents is None and not self.shows_picture:
            raise InvalidInput("The reference is used neither as image nor as latents: pass its latents.")


def require_pose_per_frame(frames: int, poses: int) -> None:
    """Raise InvalidInput unless there are as many poses as driving frames."""
    if frames != poses:
        raise InvalidInput(
            f"There are {frames} driving frames, but poses of {poses}: use frames and poses of the same part "
            "of one video."
        )


def encode_motion(
    encoder: ImageEncoder,
    frames: Iterable[np.ndarray],
    poses: PoseSequence,
    progress: Progress = no_progress,
) -> MotionFeatures:
    """Encode driving frames for the implicit pose indicator, a few at a time.

    Args:
        encoder: CLIP vision model.
        frames: Driving frames, (h, w, 3) uint8 in RGB.
        poses: The pose of every frame.
        progress: Called with the frames encoded and the number of poses.

    Raises:
        InvalidInput: There are not as many frames as poses.

    """
    parts: list[Tensor] = []
    done, width, height = 0, 0, 0
    for batch in batched(frames, _BATCH):
        parts.append(embed_images(encoder, batch))
        height, width, _ = batch[-1].shape
        done += len(batch)
        progress(done, len(poses))
    return MotionFeatures(torch.cat(parts) if parts else torch.empty(0, 0), poses, width, height)


def encode_reference(
    encoder: ImageEncoder,
    picture: np.ndarray,
    shape: ClipShape,
    pose: PoseSequence | None = None,
    form: ReferenceForm = "picture",
    autoencoder: LatentEncoder | None = None,
) -> ReferenceFeatures:
    """Encode a reference image for a video.

    Args:
        encoder: CLIP vision model.
        picture: The reference image, (h, w, 3) uint8 in RGB.
        shape: Size of the video.
        pose: As in `ReferenceFeatures`; a pose without detected keypoints counts as None.
        form: What the model is conditioned on: image, latents or both.
        autoencoder: Needed for "latents" and "both".

    Returns:
        The encoded reference.

    Raises:
        InvalidInput: The form is unknown, or the autoencoder is missing.

    """
    check_reference_form(form)
    latents = None
    if form != "picture":
        if autoencoder is None:
            raise InvalidInput(
                f"The reference form {form} needs a VAE: connect one, or use the form picture."
            )
        latents = autoencoder.encode(autoencoder_images([picture], shape.width, shape.height)).float()
    own_pose = pose if pose is not None and seen(pose.points[:1]).any() else None
    return ReferenceFeatures(picture, embed_images(encoder, [picture]), own_pose, latents, form != "latents")


def warn_of_stretching(picture: np.ndarray, shape: ClipShape, name: str = "The reference") -> None:
    """Warn where an image (h, w, 3), by default the reference, is stretched much to the size of the video."""
    height, width, _ = picture.shape
    better = shape.of_aspect(width / height)
    if abs(width / height * shape.height / shape.width - 1) > MAX_STRETCH and better != shape:
        sentence = (
            f"{name} has {width}x{height} pixels and is stretched to {shape.width}x{shape.height}: "
            f"use a size of {better.width}x{better.height} to avoid stretching."
        )
        warn(sentence, stacklevel=3)


def embed_images(encoder: ImageEncoder, pictures: Sequence[np.ndarray]) -> Tensor:
    """Return CLIP's embeddings (n, clip_dim) in float32 of images (h, w, 3) uint8 in RGB."""
    return encoder.encode(clip_images(pictures)).float()


def clip_conditions(
    shape: ClipShape,
    text_context: Tensor,
    reference: ReferenceFeatures,
    poses: PoseSequence,
    motion: MotionFeatures,
    progress: Progress = no_progress,
    puppet: PuppetCondition | None = None,
) -> ConditionInputs:
    """Combine the conditions of a video.

    Args:
        shape: Size of the video.
        text_context: The text encoder's output for "", (1, text_tokens, context_dim).
        reference: The encoded reference image.
        poses: Poses that the character follows.
        motion: Features of the driving video, whatever character is drawn: its own keypoints are the queries
            (paper, section 3.2).
        progress: Called for each pose that is drawn; may raise to cancel.
        puppet: The puppet's frames, for a denoiser that was trained on them.

    Returns:
        The conditions, on the CPU unless the inputs are elsewhere.

    Raises:
        InvalidInput: The numbers of frames differ, or the image encoders of reference and motion.

    """
    _check_match(shape, reference, poses, motion)
    first = choose_reference_pose(reference.pose, poses)
    queries = choose_reference_pose(reference.pose, motion.poses), motion.poses
    # As in the official code, poses are drawn at the size of the driving video and stretched. Poses that were
    # retargeted to another size are drawn at that of the output, with the stroke width used in training.
    at_own_size = (poses.width, poses.height) == (motion.width, motion.height)
    image = unit_images([reference.picture], shape.width, shape.height)
    latents = reference.latents
    return ConditionInputs(
        shape=shape,
        text_context=text_context,
        image_embedding=reference.embedding[None],
        reference_image=rearrange(image, "1 c h w -> 1 c 1 h w") if reference.shows_picture else None,
        reference_latents=None if latents is None else rearrange(latents, "1 c h w -> 1 c 1 h w"),
        pose_pictures=_pose_images((first, poses), shape, progress, at_own_size=at_own_size),
        keypoints=torch.from_numpy(np.concatenate([each.keypoints() for each in queries]))[None],
        clip_features=torch.cat([reference.embedding, motion.clip])[None],
        puppet_latents=None if puppet is None else rearrange(puppet.latents, "f c h w -> 1 c f h w"),
        puppet_alpha=None if puppet is None else rearrange(puppet.alpha, "f h w -> 1 1 f h w"),
    )


def _check_match(
    shape: ClipShape, reference: ReferenceFeatures, poses: PoseSequence, motion: MotionFeatures
) -> None:
    if not len(poses) == len(motion.poses) == shape.frames:
        raise InvalidInput(
            f"There are poses of {len(poses)} frames and features of {len(motion.poses)} for a video of "
            f"{shape.frames}: make both from the same frames."
        )
    widths = reference.embedding.shape[1], motion.clip.shape[1]
    if widths[0] != widths[1]:
        raise InvalidInput(
            f"The features of the reference are {widths[0]} wide, but those of the driving frames "
            f"{widths[1]}: use one image encoder for both."
        )


def _pose_images(
    sequences: Sequence[PoseSequence], shape: ClipShape, progress: Progress, *, at_own_size: bool
) -> Tensor:
    """Return poses drawn and stretched to the size of the video, (1, 3, f, height, width) uint8."""
    size = () if at_own_size else (shape.width, shape.height)
    drawn = chain.from_iterable(draw_poses(poses, *size) for poses in sequences)
    count = sum(map(len, sequences))
    images = torch.empty(3, count, shape.height, shape.width, dtype=torch.uint8)
    for index, image in enumerate(with_progress(drawn, count, progress)):
        stretched = torch.from_numpy(resize(image, shape.width, shape.height).copy())
        images[:, index] = stretched.permute(2, 0, 1)
    return images[None]
