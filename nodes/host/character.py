"""What ComfyUI's sockets tell of the character."""

from typing import Any

import numpy as np
from torch import Tensor

from ...animatex_core.errors import InvalidInput
from ...animatex_core.pose.skeleton import seen
from ...animatex_core.retarget.character import Character
from ...animatex_core.retarget.masks import Shows, box_of, character_mask
from .pictures import warn_of_first
from .poses import reference_pose_of


def character_of(picture: np.ndarray, pose: Any, mask: Tensor | None, shows: Shows) -> Character:
    """Return what a picture (h, w, 3), a POSE_KEYPOINT and a MASK tell of the character."""
    height, width, _ = picture.shape
    own = None if pose is None else reference_pose_of(pose, (width, height))
    box = None if mask is None else box_of(_plane(mask), width, height, shows)
    return Character(width, height, own if own is not None and seen(own.body).any() else None, box)


def mask_of(picture: np.ndarray, mask: Tensor | None, shows: Shows) -> np.ndarray | None:
    """Return where a MASK shows the character, (h, w) bool of the size of a picture (h, w, 3)."""
    height, width, _ = picture.shape
    return None if mask is None else character_mask(_plane(mask), width, height, shows)


def _plane(mask: Tensor) -> np.ndarray:
    """Return the first plane of a MASK (n, h, w) or (h, w)."""
    planes = mask[None] if mask.ndim == 2 else mask
    if planes.ndim != 3 or not planes.numel():
        raise InvalidInput(f"The mask has shape {tuple(mask.shape)}, but it must be (n, height, width).")
    if len(planes) > 1:
        warn_of_first("mask", len(planes), "masks")
    return planes[0].float().cpu().numpy()
