"""Pictures, frames and latents as the release prepares them for Wan and for the indicator.

Everything is stretched, nothing cropped. The reference picture goes through Pillow's bicubic filter, pose
pictures and driving frames through its bilinear one (`encoders.preprocess.resize` and `clip_pictures`).
Other ways of resizing are not interchangeable: the host's crop and antialiasing change Wan's answer visibly.
"""

import io
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..checks import require_whole
from ..encoders.preprocess import CLIP_MEAN, CLIP_SIDE, CLIP_STD, resize
from ..pose.draw import draw_poses
from ..pose.skeleton import PoseSequence
from .shape import FRAMES_A_LATENT

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
    mask = latents.new_zeros(latents.shape[0], FRAMES_A_LATENT, *latents.shape[2:])
    mask[:, :, 0] = 1
    return torch.cat([mask, latents], dim=1)


def chosen_frames(available: int, stride: int = 1, wanted: int = 81) -> list[int]:
    """Return which of the available driving frames the release takes, `wanted` indices.

    Every stride-th frame; where the clip is too short for that, the stride that fits it; where it has fewer
    than `wanted`, its last frame is repeated. Raises InvalidInput for numbers below 1.
    """
    for name, value in (("available", available), ("stride", stride), ("wanted", wanted)):
        require_whole(name, value)
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
