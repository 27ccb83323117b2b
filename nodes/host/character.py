"""What ComfyUI's sockets tell of the character."""

import warnings
from typing import Any

import numpy as np
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.errors import AnimateXWarning, InvalidInput
from ...animatex_core.pose.keypoints import PoseSequence, seen
from ...animatex_core.retarget.character import Character
from ...animatex_core.retarget.mask_files import of_grey
from ...animatex_core.retarget.masks import SHOWS, MaskBox, Shows, find_character, fit_mask, has_shape_of
from .pictures import warn_of_first
from .poses import reference_pose_of


def mask_shows_input() -> io.Combo.Input:
    """Return the input that says what a MASK marks."""
    return io.Combo.Input(
        "mask_shows",
        options=list(SHOWS),
        default=SHOWS[0],
        optional=True,
        tooltip="What is white in the mask. automatic: the character, or the background "
        "if the white area surrounds the image, as in the mask that Load Image "
        "returns for a transparent image, or if the joints of reference_pose lie outside "
        "the white area. The node reports what it used.",
    )


def character_of(
    picture: np.ndarray, pose: Any, mask: Tensor | None, shows: Shows, sentences: list[str]
) -> Character:
    """Return what a picture (h, w, 3), a POSE_KEYPOINT and a MASK tell of the character.

    sentences: gets one on what the mask was taken for.
    """
    height, width, _ = picture.shape
    own = None if pose is None else reference_pose_of(pose, (width, height))
    own = own if own is not None and seen(own.body).any() else None
    box = None if mask is None else _found(_plane(mask), own, (width, height), shows, sentences).box
    return Character(width, height, own, box)


def mask_of(
    picture: np.ndarray, pose: PoseSequence, mask: Tensor | None, shows: Shows, sentences: list[str]
) -> np.ndarray | None:
    """Return where a MASK shows the character, (h, w) bool of a picture's size; None where it shows none.

    pose: The character's own. sentences: as for `character_of`.
    """
    if mask is None:
        return None
    height, width, _ = picture.shape
    plane = _plane(mask)
    known = pose if len(np.unique(plane > 0.5)) > 1 else None
    # A mask of one value marks nothing, whatever it is said to show.
    shown = _found(plane, known, (width, height), shows if known else "automatic", sentences).shown
    return None if shown is None else fit_mask(shown, width, height)


def _found(
    mask: np.ndarray, pose: PoseSequence | None, size: tuple[int, int], shows: Shows, sentences: list[str]
) -> MaskBox:
    found = find_character(of_grey(mask), shows, pose)
    if mask.any() and not has_shape_of(mask, *size):
        _warn(
            f"The mask has {mask.shape[1]}x{mask.shape[0]} pixels but the picture {size[0]}x{size[1]}: it is "
            "stretched over the picture."
        )
    for doubt in found.doubts:
        _warn(doubt)
    if found.box is None:
        _warn(found.sentence)
    else:
        sentences.append(found.sentence)
    return found


def _plane(mask: Tensor) -> np.ndarray:
    """Return the first marking plane of a MASK (n, h, w), (h, w), (n, 1, h, w) or (n, h, w, 1)."""
    planes = mask[None] if mask.ndim == 2 else mask
    if planes.ndim == 4:
        planes = planes.squeeze(1) if planes.shape[1] == 1 else planes.squeeze(-1)
    if planes.ndim != 3 or not planes.numel():
        raise InvalidInput(f"The mask has shape {tuple(mask.shape)}, but it must be (n, height, width).")
    if len(planes) == 1:
        return planes[0].float().cpu().numpy()
    marking = planes.flatten(1).any(dim=1).nonzero().flatten().tolist() or [0]
    if marking[0]:
        _warn(f"The first {marking[0]} of {len(planes)} masks are empty: the next one is used.")
    else:
        warn_of_first("mask", len(planes), "masks")
    return planes[marking[0]].float().cpu().numpy()


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)
