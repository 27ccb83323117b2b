"""The character of a reference image: its pose, and where a MASK shows it."""

from typing import Any

import numpy as np
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.cutout.masks import stretch_reference
from ...animatex_core.errors import warn
from ...animatex_core.pose.keypoints import PoseSequence, seen
from ...animatex_core.retarget.character import Character
from ...animatex_core.retarget.mask_files import mask_from_gray
from ...animatex_core.retarget.masks import (
    SHOWS,
    MaskBox,
    Shows,
    find_character,
    fit_mask,
    has_aspect_ratio_of,
)
from .alpha import mask_planes
from .images import first_image, warn_only_first_used
from .poses import to_reference_pose


def mask_shows_input() -> io.Combo.Input:
    """Return the widget for what a MASK marks."""
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


def to_character(
    image: np.ndarray, pose: Any, mask: Tensor | None, shows: Shows, sentences: list[str]
) -> Character:
    """Collect what is known of the character in a reference image.

    Args:
        image: (h, w, 3) uint8.
        pose: The POSE_KEYPOINT of the character.
        mask: The MASK of the character.
        shows: What is white in the mask.
        sentences: Receives a sentence about how the mask was used.

    """
    height, width, _ = image.shape
    own = None if pose is None else to_reference_pose(pose, (width, height))
    own = own if own is not None and seen(own.body).any() else None
    box = None if mask is None else _find(_first_plane(mask), own, (width, height), shows, sentences).box
    return Character(width, height, own, box)


def to_character_mask(
    image: np.ndarray, pose: PoseSequence, mask: Tensor | None, shows: Shows, sentences: list[str]
) -> np.ndarray | None:
    """Return where a MASK shows the character of an image.

    Args:
        image: (h, w, 3) uint8.
        pose: The character's own pose.
        mask: The MASK.
        shows: What is white in the mask.
        sentences: Receives a sentence about how the mask was used.

    Returns:
        (h, w) bool of the image's size; None if the mask shows nothing.

    """
    if mask is None:
        return None
    height, width, _ = image.shape
    plane = _first_plane(mask)
    known = pose if len(np.unique(plane > 0.5)) > 1 else None
    # A mask of a single value marks nothing, whatever `shows` is.
    shown = _find(plane, known, (width, height), shows if known else "automatic", sentences).shown
    return None if shown is None else fit_mask(shown, width, height)


def reference_at_size(
    reference: Tensor, mask: Tensor, shows: Shows, size: tuple[int, int], sentences: list[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a reference image and where its MASK shows the character, stretched to the size of a video.

    Args:
        reference: The IMAGE.
        mask: Its MASK.
        shows: What is white in the mask.
        size: Width and height of the video.
        sentences: Receives a sentence about how the mask was used.

    Returns:
        (h, w, 3) uint8, and (h, w) bool or None if the mask shows nothing.

    """
    image = first_image(reference)
    height, width, _ = image.shape
    shown = to_character_mask(image, PoseSequence.empty(1, width, height), mask, shows, sentences)
    return stretch_reference(image, shown, size)


def _find(
    mask: np.ndarray, pose: PoseSequence | None, size: tuple[int, int], shows: Shows, sentences: list[str]
) -> MaskBox:
    found = find_character(mask_from_gray(mask), shows, pose)
    if mask.any() and not has_aspect_ratio_of(mask, *size):
        warn(
            f"The mask has {mask.shape[1]}x{mask.shape[0]} pixels but the image has {size[0]}x{size[1]}: the "
            "mask is stretched to the image."
        )
    for doubt in found.doubts:
        warn(doubt)
    if found.box is None:
        warn(found.sentence)
    else:
        sentences.append(found.sentence)
    return found


def _first_plane(mask: Tensor) -> np.ndarray:
    """Return the first plane (h, w) with a mark of a MASK, in the forms of `mask_planes`."""
    planes = mask_planes(mask)
    if len(planes) == 1:
        return planes[0].float().cpu().numpy()
    marking = planes.flatten(1).any(dim=1).nonzero().flatten().tolist() or [0]
    if marking[0]:
        warn(f"The first {marking[0]} of {len(planes)} masks are empty: the next one is used.")
    else:
        warn_only_first_used("mask", len(planes), "masks")
    return planes[marking[0]].float().cpu().numpy()
