"""Images, frames, poses and prompts prepared for Wan and the added modules as in the official scripts."""

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
from ..pose.keypoints import PoseSequence, seen
from ..utils.progress import Progress, no_progress, with_progress
from ..utils.validation import require_int
from .modules import PlusInputs
from .shapes import TEMPORAL_STRIDE, WanShape

NEGATIVE_PROMPT = (
    "细节模糊不清，字幕，作品，画作，画面，静止，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，"
    "画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，杂乱的背景，三条腿，背景人很多，倒着走"
)
"""What the clip should not show: poor detail, captions, a still picture, bad hands, walking backwards."""

TYPICAL_PROMPT = "a person is dancing."
"""How the released prompts begin; a description of the background follows."""


JPEG_QUALITY = 95  # what OpenCV writes when it is told nothing


def reference_picture(picture: np.ndarray, width: int, height: int) -> Tensor:
    """Return (1, 3, height, width) in -1..1 of a picture (h, w, 3) uint8, stretched by bicubic filter."""
    stretched = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(stretched)).permute(2, 0, 1)[None].float() * (2 / 255) - 1


def wan_clip_picture(reference: Tensor) -> Tensor:
    """Return (b, 3, 224, 224), normalised for CLIP, of pictures (b, 3, height, width) in -1..1.

    Bicubic without antialias, from the picture as it was stretched to the clip's size.
    """
    small = F.interpolate(reference, (CLIP_SIDE, CLIP_SIDE), mode="bicubic", align_corners=False)
    mean, std = (torch.tensor(values).view(3, 1, 1).to(small) for values in (CLIP_MEAN, CLIP_STD))
    return ((small + 1) / 2 - mean) / std


def reference_video(reference: Tensor, frames: int) -> Tensor:
    """Return what the autoencoder encodes, (b, 3, frames, height, width): the picture, then grey frames."""
    rest = reference.new_zeros(*reference.shape[:2], frames - 1, *reference.shape[2:])
    return torch.cat([reference.unsqueeze(2), rest], dim=2)


def masked_latents(latents: Tensor) -> Tensor:
    """Put the mask's 4 channels in front of latents (b, 16, frames, h, w): 1 on the first latent frame."""
    mask = latents.new_zeros(latents.shape[0], TEMPORAL_STRIDE, *latents.shape[2:])
    mask[:, :, 0] = 1
    return torch.cat([mask, latents], dim=1)


def chosen_frames(available: int, stride: int = 1, wanted: int = 81) -> list[int]:
    """Return which of the available driving frames the release takes, `wanted` indices.

    Every stride-th frame; where the clip is too short for that, the stride that fits it; where it has fewer
    than `wanted`, its last frame is repeated. Raises InvalidInput for numbers below 1.
    """
    for name, value in (("available", available), ("stride", stride), ("wanted", wanted)):
        require_int(name, value)
    end = wanted * stride
    if available < end + 1:
        stride = max(available // wanted, 1)
        end = min(wanted * stride, available)
    taken = list(range(0, end, stride))
    return taken + [end - 1] * (wanted - len(taken))


def pose_pictures(
    poses: PoseSequence, width: int, height: int, jpeg_quality: int | None = None
) -> Iterator[np.ndarray]:
    """Yield each frame's pose, (height, width, 3) uint8 in RGB, drawn at the size of the poses and stretched.

    Body, feet and hands without a face, red and blue changed places, as the released networks were shown.
    jpeg_quality: None leaves out the noise of the JPEG files in between, which the released script has at
    `JPEG_QUALITY`.
    """
    for picture in draw_poses(poses):
        noisy = picture if jpeg_quality is None else _through_jpeg(picture, jpeg_quality)
        yield resize(noisy, width, height)


def stacked(pictures: Sequence[np.ndarray]) -> Tensor:
    """Return (1, 3, f, height, width) uint8 of pictures (height, width, 3), the form of a pose video."""
    return torch.from_numpy(np.stack(pictures)).permute(3, 0, 1, 2)[None]


def shown_frames(decoded: Tensor) -> np.ndarray:
    """Return frames (f, height, width, 3) uint8 of the decoder's (3, f, height, width) in -1..1, as released.

    Values are cut off, not rounded.
    """
    levels = ((decoded.float() + 1) * 127.5).clamp(0, 255)
    return levels.permute(1, 2, 3, 0).to(torch.uint8).cpu().numpy()


def _through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer, formats=("JPEG",)) as image:
        return np.array(image.convert("RGB"))


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
    """Draw poses for a clip, and pass on their keypoints.

    poses: of every frame of the clip. reference_pose: its first frame counts; None, or one with nobody in it,
    takes the first driving pose that shows somebody (the release: the very first).
    clip_features: (frames, clip_dim), OpenCLIP's embeddings of the driving frames, for the full variant.
    jpeg_quality: as in `preprocess.pose_pictures`.
    at_own_size: whether poses are drawn in the size of their pictures and stretched, as released for driving
    frames; otherwise in that of the clip, where strokes have the width of its pixels.
    progress: called for each pose that is drawn; what it raises ends the work.
    Raises InvalidInput for another number of poses or features.
    """
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are {len(poses)} poses, but the clip has {shape.frames} frames: choose as many with "
            "chosen_frames, or make a clip of another length."
        )
    known = reference_pose is not None and seen(reference_pose.points[:1]).any()
    first = (reference_pose if reference_pose is not None and known else poses).first_shown()
    sized = [given if at_own_size else _resized(given, shape) for given in (poses, first)]
    video, picture = (_drawn(given, shape, jpeg_quality, progress) for given in sized)
    return PlusInputs(
        pose_video=video,
        reference_pose=picture[:, :, 0],
        keypoints=torch.from_numpy(np.ascontiguousarray(poses.keypoints()))[None],
        clip_features=None if clip_features is None else clip_features[None],
    )


def _resized(poses: PoseSequence, shape: WanShape) -> PoseSequence:
    return replace(poses, width=shape.width, height=shape.height)


def _drawn(poses: PoseSequence, shape: WanShape, jpeg_quality: int | None, progress: Progress) -> Tensor:
    pictures = pose_pictures(poses, shape.width, shape.height, jpeg_quality)
    return stacked(list(with_progress(pictures, len(poses), progress)))
