"""From pictures, poses and CLIP features to the conditions of a clip: what the denoiser will be told."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..encoders.base import ImageEncoder, LatentEncoder
from ..encoders.preprocessing import autoencoder_pictures, clip_pictures, resize, unit_pictures
from ..errors import AnimateXWarning, InvalidInput
from ..pose.draw import draw_poses
from ..pose.keypoints import PoseSequence, seen
from ..utils.iteration import batched
from ..utils.progress import Progress, no_progress, with_progress
from .conditions import ConditionInputs
from .shapes import ClipShape
from .training_spec import ReferenceForm, check_reference_form

STRETCH = 0.1  # part by which a picture may become wider or narrower without a word
_BATCH = 16  # driving frames that wait for the image encoder at once


@dataclass(frozen=True, eq=False)
class MotionFeatures:
    """What the implicit pose indicator reads of a driving clip of f frames.

    clip: (f, clip_dim), CLIP's pooled embeddings of the frames; poses: of whoever is seen in these frames;
    width, height: of the frames in pixels.
    """

    clip: Tensor
    poses: PoseSequence
    width: int
    height: int

    def __post_init__(self) -> None:
        require_a_pose_each(len(self.clip), len(self.poses))


@dataclass(frozen=True, eq=False)
class ReferenceFeatures:
    """The reference picture as the denoiser is told of it.

    picture: (h, w, 3) uint8 in RGB. embedding: (1, clip_dim), CLIP's pooled embedding of it.
    pose: what is found in the picture, of which the first frame counts; None where there is no human pose.
    latents: (1, latent_channels, h, w), scaled, of the picture at the size of the clip, or None.
    shows_picture: whether the picture itself is shown, as released; otherwise its latents alone (paper,
        section 3.1).
    """

    picture: np.ndarray
    embedding: Tensor
    pose: PoseSequence | None = None
    latents: Tensor | None = None
    shows_picture: bool = True

    def __post_init__(self) -> None:
        if self.latents is None and not self.shows_picture:
            raise InvalidInput("The reference is shown neither as picture nor as latents: give its latents.")


def require_a_pose_each(frames: int, poses: int) -> None:
    """Raise InvalidInput unless there are as many poses as driving frames."""
    if frames != poses:
        raise InvalidInput(
            f"There are {frames} driving frames, but poses of {poses}: give frames and poses of the same "
            "part of one clip."
        )


def encode_motion(
    encoder: ImageEncoder,
    frames: Iterable[np.ndarray],
    poses: PoseSequence,
    progress: Progress = no_progress,
) -> MotionFeatures:
    """Read the motion of driving frames, (h, w, 3) uint8 in RGB, whose poses are known.

    Frames are taken a few at a time. Raises InvalidInput unless there are as many frames as poses.
    """
    parts: list[Tensor] = []
    done, width, height = 0, 0, 0
    for batch in batched(frames, _BATCH):
        parts.append(encode_pictures(encoder, batch))
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
    """Read a reference picture (h, w, 3) uint8 in RGB for a clip of some shape.

    pose: as in `ReferenceFeatures`; where nobody is seen in it, it counts as none. form: as what the picture
    is shown; "latents" and "both" need an autoencoder. Raises InvalidInput without it, or for other forms.
    """
    check_reference_form(form)
    latents = None
    if form != "picture":
        if autoencoder is None:
            raise InvalidInput(
                f"The reference is to be shown as {form}, which needs a VAE: give one, or show the picture."
            )
        latents = autoencoder.encode(autoencoder_pictures([picture], shape.width, shape.height)).float()
    own_pose = pose if pose is not None and seen(pose.points[:1]).any() else None
    return ReferenceFeatures(
        picture, encode_pictures(encoder, [picture]), own_pose, latents, form != "latents"
    )


def warn_of_stretching(picture: np.ndarray, shape: ClipShape) -> None:
    """Warn where a reference picture (h, w, 3) becomes much wider or narrower in a clip of some shape."""
    height, width, _ = picture.shape
    better = shape.of_aspect(width / height)
    if abs(width / height * shape.height / shape.width - 1) > STRETCH and better != shape:
        sentence = (
            f"The reference has {width}x{height} pixels and is stretched to {shape.width}x{shape.height}, as "
            f"released: a size of {better.width}x{better.height} keeps its shape."
        )
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def encode_pictures(encoder: ImageEncoder, pictures: Sequence[np.ndarray]) -> Tensor:
    """Embed pictures (h, w, 3) uint8 in RGB: (n, clip_dim) in float32."""
    return encoder.encode(clip_pictures(pictures)).float()


def clip_conditions(
    shape: ClipShape,
    text_context: Tensor,
    reference: ReferenceFeatures,
    poses: PoseSequence,
    motion: MotionFeatures,
    progress: Progress = no_progress,
    puppet: Tensor | None = None,
) -> ConditionInputs:
    """Put the conditions of a clip together.

    text_context: (1, text_tokens, context_dim), the text encoder's answer to "". poses: what the character
    shall follow; motion: of the driving clip, whoever is drawn (paper, section 3.2: its own keypoints ask).
    progress: called for each pose that is drawn; what it raises ends the work. puppet: (f, latent_channels,
    h, w), scaled latents of the puppet's frames, for a denoiser that was trained on them.
    Raises InvalidInput where the numbers of frames differ, or the image encoders of reference and motion.
    """
    _require_frames(shape, poses, motion)
    _require_one_encoder(reference, motion)
    # Without a pose of its own the reference is given the first one of the dance, as released, or the first
    # that shows somebody: nobody is often in the first frames of a clip.
    first = (reference.pose or poses).first_shown()
    asked = (reference.pose or motion.poses).first_shown(), motion.poses
    # Poses in their clip's picture are drawn at its size and stretched, as released. A character's picture
    # may be of any size: there the strokes get the width that the denoiser knows.
    stayed = (poses.width, poses.height) == (motion.width, motion.height)
    picture = unit_pictures([reference.picture], shape.width, shape.height)
    latents = reference.latents
    return ConditionInputs(
        shape=shape,
        text_context=text_context,
        image_embedding=reference.embedding[None],
        reference_image=rearrange(picture, "1 c h w -> 1 c 1 h w") if reference.shows_picture else None,
        reference_latents=None if latents is None else rearrange(latents, "1 c h w -> 1 c 1 h w"),
        pose_pictures=_pose_pictures((first, poses), shape, progress, at_own_size=stayed),
        keypoints=torch.from_numpy(np.concatenate([each.keypoints() for each in asked]))[None],
        clip_features=torch.cat([reference.embedding, motion.clip])[None],
        puppet_latents=None if puppet is None else rearrange(puppet, "f c h w -> 1 c f h w"),
    )


def _require_frames(shape: ClipShape, poses: PoseSequence, motion: MotionFeatures) -> None:
    if not len(poses) == len(motion.poses) == shape.frames:
        raise InvalidInput(
            f"There are poses of {len(poses)} frames and features of {len(motion.poses)} for a clip of "
            f"{shape.frames}: make both from the same frames."
        )


def _require_one_encoder(reference: ReferenceFeatures, motion: MotionFeatures) -> None:
    widths = reference.embedding.shape[1], motion.clip.shape[1]
    if widths[0] != widths[1]:
        raise InvalidInput(
            f"The features of the reference are {widths[0]} wide, but those of the driving frames "
            f"{widths[1]}: use one image encoder for both."
        )


def _pose_pictures(
    sequences: Sequence[PoseSequence], shape: ClipShape, progress: Progress, *, at_own_size: bool
) -> Tensor:
    """(1, 3, f, height, width) uint8: poses drawn at their pictures' size and stretched, or at this size."""
    count = sum(map(len, sequences))
    pictures = torch.empty(3, count, shape.height, shape.width, dtype=torch.uint8)
    drawn_frames = _drawn(sequences, shape, at_own_size=at_own_size)
    for index, drawn in enumerate(with_progress(drawn_frames, count, progress)):
        pictures[:, index] = torch.from_numpy(resize(drawn, shape.width, shape.height).copy()).permute(
            2, 0, 1
        )
    return pictures[None]


def _drawn(sequences: Sequence[PoseSequence], shape: ClipShape, *, at_own_size: bool) -> Iterator[np.ndarray]:
    size = () if at_own_size else (shape.width, shape.height)
    return chain.from_iterable(draw_poses(poses, *size) for poses in sequences)
