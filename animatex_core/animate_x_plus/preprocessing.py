"""Preprocessing of images, frames and poses for Wan and the added modules, as in the official code."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..encoders.preprocessing import CLIP_MEAN, CLIP_SIDE, CLIP_STD, resize
from ..errors import InvalidInput
from ..pose.draw import draw_poses
from ..pose.keypoints import PoseSequence, choose_reference_pose
from ..utils.progress import Progress, no_progress, with_progress
from ..utils.validation import require_int
from .modules import PlusInputs
from .shapes import TEMPORAL_STRIDE, WanShape

JPEG_QUALITY = 95  # the default of OpenCV


def stretch_reference(image: np.ndarray, width: int, height: int) -> Tensor:
    """Stretch an image (h, w, 3) uint8 with the bicubic filter: (1, 3, height, width) in -1..1."""
    stretched = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(stretched)).permute(2, 0, 1)[None].float() * (2 / 255) - 1


def wan_clip_image(reference: Tensor) -> Tensor:
    """Return images (b, 3, height, width) in -1..1 as (b, 3, 224, 224), normalised for CLIP.

    They are resized without antialiasing, after they were stretched to the size of the video.
    """
    small = F.interpolate(reference, (CLIP_SIDE, CLIP_SIDE), mode="bicubic", align_corners=False)
    mean, std = (torch.tensor(values).view(3, 1, 1).to(small) for values in (CLIP_MEAN, CLIP_STD))
    return ((small + 1) / 2 - mean) / std


def reference_video(reference: Tensor, frames: int) -> Tensor:
    """Return the input of the autoencoder, (b, 3, frames, height, width): the image, then grey frames."""
    rest = reference.new_zeros(*reference.shape[:2], frames - 1, *reference.shape[2:])
    return torch.cat([reference.unsqueeze(2), rest], dim=2)


def with_mask_channels(latents: Tensor) -> Tensor:
    """Prepend 4 mask channels to latents (b, 16, frames, h, w): 1 in the first latent frame, else 0."""
    mask = latents.new_zeros(latents.shape[0], TEMPORAL_STRIDE, *latents.shape[2:])
    mask[:, :, 0] = 1
    return torch.cat([mask, latents], dim=1)


def select_frames(available: int, stride: int = 1, wanted: int = 81) -> list[int]:
    """Select driving frames as the official code does.

    It takes every stride-th frame. If the video is too short for the stride, the stride is reduced; if it has
    fewer than `wanted` frames, the last one is repeated.

    Args:
        available: Number of driving frames.
        stride: Step between frames.
        wanted: Number of frames to select.

    Returns:
        `wanted` indices.

    Raises:
        InvalidInput: A number is below 1.

    """
    for name, value in (("available", available), ("stride", stride), ("wanted", wanted)):
        require_int(name, value)
    end = wanted * stride
    if available < end + 1:
        stride = max(available // wanted, 1)
        end = min(wanted * stride, available)
    selected = list(range(0, end, stride))
    return selected + [end - 1] * (wanted - len(selected))


def draw_pose_images(
    poses: PoseSequence, width: int, height: int, jpeg_quality: int | None = None
) -> Iterator[np.ndarray]:
    """Draw poses at their own size and stretch the images.

    Body, feet and hands without a face, with red and blue swapped, as the official networks were trained.

    Args:
        poses: The poses.
        width: Of the images, in pixels.
        height: Of the images, in pixels.
        jpeg_quality: Quality of the JPEG files that the official script writes in between (`JPEG_QUALITY`);
            None skips their compression noise.

    Yields:
        (height, width, 3) uint8 in RGB for each frame.

    """
    for image in draw_poses(poses):
        noisy = image if jpeg_quality is None else _through_jpeg(image, jpeg_quality)
        yield resize(noisy, width, height)


def stack_frames(images: Sequence[np.ndarray]) -> Tensor:
    """Stack images (height, width, 3) uint8 to a pose video (1, 3, f, height, width)."""
    return torch.from_numpy(np.stack(images)).permute(3, 0, 1, 2)[None]


def to_uint8_frames(decoded: Tensor) -> np.ndarray:
    """Convert decoded frames (3, f, height, width) in -1..1 to (f, height, width, 3) uint8.

    Values are truncated, not rounded, as in the official code.
    """
    levels = ((decoded.float() + 1) * 127.5).clamp(0, 255)
    return levels.permute(1, 2, 3, 0).to(torch.uint8).cpu().numpy()


def inputs_from_poses(
    poses: PoseSequence,
    shape: WanShape,
    reference_pose: PoseSequence | None = None,
    clip_features: Tensor | None = None,
    jpeg_quality: int | None = None,
    *,
    at_own_size: bool = True,
    progress: Progress = no_progress,
) -> PlusInputs:
    """Build the inputs of the added modules from poses.

    Args:
        poses: The pose of every frame of the video.
        shape: Size of the video.
        reference_pose: Its first frame is used; None, or a pose without detected keypoints, uses the first
            driving pose with a person (the official code: the very first).
        clip_features: OpenCLIP's embeddings of the driving frames, (frames, clip_dim); full variant only.
        jpeg_quality: As in `pose_pictures`.
        at_own_size: Draw poses at the size of their own frames and stretch them, as the official code does
            for driving frames; otherwise at the size of the video, so that strokes have the same width.
        progress: Called for each pose that is drawn; may raise to cancel.

    Returns:
        The inputs, with a batch of 1, on the CPU unless the features are elsewhere.

    Raises:
        InvalidInput: There are not as many poses or features as frames.

    """
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are {len(poses)} poses, but the video has {shape.frames} frames: select as many, or "
            "generate a video of another length."
        )
    first = choose_reference_pose(reference_pose, poses)
    if not at_own_size:
        poses, first = (replace(each, width=shape.width, height=shape.height) for each in (poses, first))
    video, reference = (_draw_video(each, shape, jpeg_quality, progress) for each in (poses, first))
    return PlusInputs(
        pose_video=video,
        reference_pose=reference[:, :, 0],
        keypoints=torch.from_numpy(np.ascontiguousarray(poses.keypoints()))[None],
        clip_features=None if clip_features is None else clip_features[None],
    )


def _draw_video(poses: PoseSequence, shape: WanShape, jpeg_quality: int | None, progress: Progress) -> Tensor:
    images = draw_pose_images(poses, shape.width, shape.height, jpeg_quality)
    return stack_frames(list(with_progress(images, len(poses), progress)))


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer, formats=("JPEG",)) as decoded:
        return np.array(decoded.convert("RGB"))
