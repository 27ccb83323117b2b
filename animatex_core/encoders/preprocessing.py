"""Pictures as the encoders and the denoiser want them, resized the way the released model was fed.

Every picture is stretched to its size with Pillow's bilinear filter; the aspect ratio is not kept.
A picture is a PIL image or an array (h, w, 3) of uint8 in RGB order; sizes in one call may differ.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InvalidInput

Picture = Image.Image | np.ndarray

CLIP_SIDE = 224
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_pictures(pictures: Sequence[Picture]) -> Tensor:
    """(n, 3, 224, 224), with CLIP's mean taken off and divided by its standard deviation."""
    unit = unit_pictures(pictures, CLIP_SIDE, CLIP_SIDE)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (unit - mean) / std


def autoencoder_pictures(pictures: Sequence[Picture], width: int, height: int) -> Tensor:
    """(n, 3, height, width) in -1..1."""
    return (unit_pictures(pictures, width, height) - 0.5) / 0.5


def unit_pictures(pictures: Sequence[Picture], width: int, height: int) -> Tensor:
    """(n, 3, height, width) in 0..1: the form of pose pictures and of the denoiser's local image."""
    if not len(pictures):
        raise InvalidInput("The list of pictures is empty, but at least 1 is needed: pass a picture.")
    stacked = np.stack([resize(picture, width, height) for picture in pictures])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous().float() / 255


def resize(picture: Picture, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8, stretched with Pillow's bilinear filter."""
    return np.asarray(_image(picture).resize((width, height), Image.Resampling.BILINEAR))


def _image(picture: Picture) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InvalidInput(
            f"A picture is an array of {picture.dtype} with shape {picture.shape}, "
            f"but it must be uint8 with shape (height, width, 3) in RGB order: convert it first."
        )
    return Image.fromarray(picture)
