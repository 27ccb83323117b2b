"""Transparency in ComfyUI: IMAGE of four channels, or a MASK that is white where an image is transparent."""

from collections.abc import Iterator

import numpy as np
import torch
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.cutout.masks import match_masks
from ...animatex_core.errors import InvalidInput, warn
from ...animatex_core.video.formats import FORMATS
from .images import iterate_images

ALPHA_CHANNEL = 3


def transparency_input() -> io.Mask.Input:
    """Return the socket for the MASK of images that are to be saved with transparency."""
    return io.Mask.Input(
        "mask",
        optional=True,
        tooltip="Transparency of the images: white is transparent, as Cut Out and Load Image return "
        "it and Join Image with Alpha takes it. Without a mask, images of four channels keep their alpha.",
    )


def has_alpha(images: Tensor, mask: Tensor | None) -> bool:
    """Return whether an IMAGE has transparency, of its own or by a MASK."""
    return mask is not None or images.shape[-1] > ALPHA_CHANNEL


def stores_alpha(images: Tensor, mask: Tensor | None, format: str) -> bool:
    """Return whether to save with alpha; warns if a format loses the alpha of images of four channels."""
    kind = FORMATS.get(f".{format}")
    if mask is not None or kind is None or kind.alpha is not None:
        return has_alpha(images, mask)
    if has_alpha(images, mask):
        warn(
            f"{kind.as_subject} has no transparency, so that of the images is left out: use webm, mov or png."
        )
    return False


def iterate_rgba(images: Tensor, mask: Tensor | None) -> Iterator[np.ndarray]:
    """Yield images with straight alpha, one at a time.

    Args:
        images: (f, h, w, 3 or 4) in 0..1.
        mask: (f, h, w) or (1, h, w), 1 where they are transparent; None for their own alpha.

    Yields:
        (h, w, 4) uint8.

    Raises:
        InvalidInput: Number or size of the masks differ from those of the images.

    """
    alphas = _own_alpha(images) if mask is None else 1 - _matching(mask, images)
    for frame, alpha in zip(iterate_images(images), alphas, strict=True):
        levels = (alpha.float() * 255).round().clamp(0, 255).to(torch.uint8)
        yield np.dstack([frame, levels.cpu().numpy()])


def mask_planes(mask: Tensor) -> Tensor:
    """Return a MASK of (n, h, w), (h, w), (n, 1, h, w) or (n, h, w, 1) as (n, h, w). Raises InvalidInput."""
    planes = mask[None] if mask.ndim == 2 else mask
    if planes.ndim == 4:
        planes = planes.squeeze(1) if planes.shape[1] == 1 else planes.squeeze(-1)
    if planes.ndim != 3 or not planes.numel():
        raise InvalidInput(
            f"The mask has shape {tuple(mask.shape)}, but it must be (n, height, width): connect a mask."
        )
    return planes


def mask_levels(mask: Tensor) -> np.ndarray:
    """Return a MASK, in the forms of `mask_planes`, as (n, h, w) float32 in 0..1."""
    return mask_planes(mask).float().clamp(0, 1).cpu().numpy()


def _own_alpha(images: Tensor) -> Tensor:
    return images[..., ALPHA_CHANNEL] if has_alpha(images, None) else torch.ones(images.shape[:3])


def _matching(mask: Tensor, images: Tensor) -> Tensor:
    return torch.tensor(match_masks(mask_levels(mask), tuple(images.shape[:3])))
