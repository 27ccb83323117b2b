"""Images prepared for the encoders and the denoiser, resized as in the official code.

Every image is stretched to its target size with Pillow's bilinear filter; the aspect ratio is not kept.
An image is a PIL image or an array (h, w, 3) of uint8 in RGB order. Sizes within one call may differ.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InvalidInput

ImageLike = Image.Image | np.ndarray

CLIP_SIDE = 224
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_images(images: Sequence[ImageLike]) -> Tensor:
    """Return (n, 3, 224, 224), normalised with CLIP's mean and standard deviation."""
    unit = unit_images(images, CLIP_SIDE, CLIP_SIDE)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (unit - mean) / std


def autoencoder_images(images: Sequence[ImageLike], width: int, height: int) -> Tensor:
    """Stretch images to one size for the autoencoder.

    Args:
        images: Pillow images or arrays (h, w, 3) uint8 in RGB.
        width: In pixels.
        height: In pixels.

    Returns:
        (n, 3, height, width) float32 in -1..1.

    Raises:
        InvalidInput: There is no image, or an array is not uint8 (h, w, 3).

    """
    return (unit_images(images, width, height) - 0.5) / 0.5


def unit_images(images: Sequence[ImageLike], width: int, height: int) -> Tensor:
    """Stretch images to one size, as the denoiser takes pose images and the reference image.

    Args:
        images: Pillow images or arrays (h, w, 3) uint8 in RGB.
        width: In pixels.
        height: In pixels.

    Returns:
        (n, 3, height, width) float32 in 0..1.

    Raises:
        InvalidInput: There is no image, or an array is not uint8 (h, w, 3).

    """
    if not len(images):
        raise InvalidInput("The list of images is empty, but at least 1 is needed: pass an image.")
    stacked = np.stack([resize(image, width, height) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous().float() / 255


def resize(image: ImageLike, width: int, height: int) -> np.ndarray:
    """Stretch an image with Pillow's bilinear filter.

    Args:
        image: A Pillow image or an array (h, w, 3) uint8 in RGB.
        width: In pixels.
        height: In pixels.

    Returns:
        (height, width, 3) uint8 in RGB.

    Raises:
        InvalidInput: An array is not uint8 (h, w, 3).

    """
    return np.asarray(_image(image).resize((width, height), Image.Resampling.BILINEAR))


def _image(image: ImageLike) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInput(
            f"An image is an array of {image.dtype} with shape {image.shape}, "
            "but it must be uint8 with shape (height, width, 3) in RGB order: convert it first."
        )
    return Image.fromarray(image)


def to_unit_floats(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert images of any shape to `dtype` in 0..1: uint8 is divided by 255, floats are in 0..1 already."""
    if images.is_floating_point():
        return images.to(dtype)
    return (images.float() / 255).to(dtype)
