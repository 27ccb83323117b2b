"""Crops of training clips: convolutions learn faster from the places where they can improve most."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ...animate_x.conditions import ConditionInputs

EVEN = 0.5
"""Part of the mean error that is added to each place's error, so that crops are drawn around all places."""
IMAGES = "reference_image", "pose_pictures", "puppet_alpha"
LATENTS = "reference_latents", "puppet_latents"


def draw_corner(
    latents: Tensor, inputs: ConditionInputs, size: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Draw the upper left corner of a crop around a place where the puppet is wrong, or where the clip moves.

    Args:
        latents: Scaled latents of the clip, (1, c, f, h, w).
        inputs: Its conditions.
        size: Height and width of the crop in latents.
        rng: Chooses the place.

    Returns:
        Top and left in latents.

    """
    puppet = latents.mean(2, keepdim=True) if inputs.puppet_latents is None else inputs.puppet_latents
    errors = (latents - puppet).square().mean((0, 1, 2)).sqrt().double()
    shares = errors + EVEN * errors.mean() + 1e-6
    place = rng.choice(shares.numel(), p=(shares / shares.sum()).flatten().numpy())
    corner = []
    for position, length, whole in zip(divmod(place, shares.shape[1]), size, shares.shape, strict=True):
        start = position - int(rng.integers(length))
        corner.append(min(max(start, 0), whole - length))
    return corner[0], corner[1]


def crop_latents(latents: Tensor, corner: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Crop the last two axes."""
    (top, left), (height, width) = corner, size
    return latents[..., top : top + height, left : left + width].contiguous()


def crop_inputs(inputs: ConditionInputs, corner: tuple[int, int], size: tuple[int, int]) -> ConditionInputs:
    """Crop all conditions that are images or latents; keypoints and embeddings remain those of the whole.

    Args:
        inputs: Conditions of the whole clip.
        corner: Top and left of the crop in latents.
        size: Its height and width in latents.

    Returns:
        The conditions of the crop.

    """
    factor = inputs.shape.factor
    first, lengths = (corner[0] * factor, corner[1] * factor), (size[0] * factor, size[1] * factor)
    cropped: dict[str, Any] = {name: _cropped(getattr(inputs, name), first, lengths) for name in IMAGES}
    cropped |= {name: _cropped(getattr(inputs, name), corner, size) for name in LATENTS}
    return replace(inputs, shape=replace(inputs.shape, height=lengths[0], width=lengths[1]), **cropped)


def _cropped(whole: Tensor | None, corner: tuple[int, int], size: tuple[int, int]) -> Tensor | None:
    return None if whole is None else crop_latents(whole, corner, size)
