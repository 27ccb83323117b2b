"""Masks as users have them: of the character, of the background, or empty."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from PIL import Image

from ..errors import InvalidInput, warn
from ..pose.keypoints import MODEL_JOINTS, PoseSequence, seen
from .character import Box
from .mask_files import MaskPlane, mask_from_gray

Shows = Literal["automatic", "character", "background"]
SHOWS: tuple[str, ...] = get_args(Shows)
SURROUNDING = 0.5  # fraction of the image border that a background covers and a character does not
SHAPE_TOLERANCE = 0.02  # relative difference in aspect ratio between mask and image
MIN_JOINTS = 5  # joints of the character's pose needed to decide what its mask marks
MAX_JOINTS = 0.7  # fraction of them that must be on the character
WHOLE = 0.98  # fraction of width and height from which a box is useless


@dataclass(frozen=True)
class MaskBox:
    """The character found in a mask.

    Attributes:
        box: Its bounding box; None if the mask shows no character.
        sentence: What was used as the character.
        doubts: Sentences about what may be unintended.
        shown: Where the character is, (h, w) bool; None if the mask shows no character.

    """

    box: Box | None
    sentence: str
    doubts: tuple[str, ...] = field(default=())
    shown: np.ndarray | None = field(default=None, compare=False)


def box_from_mask(mask: np.ndarray, width: int, height: int, shows: Shows = "automatic") -> Box | None:
    """Return the character's box in a mask; a mask without a character causes a warning and is ignored.

    Args:
        mask: (h, w) of 0..1, of any size.
        width: Width of the image that it belongs to, in pixels.
        height: Height of that image.
        shows: What is marked with 1. automatic assumes the background if the marked area surrounds the image,
            as an image's transparency does.

    Returns:
        The box, None if the mask shows no character.

    Raises:
        InvalidInput: `shows` has another value.

    """
    _require_shows(shows)
    _warn_of_shape(mask, width, height)
    found = find_character(mask_from_gray(mask), shows)
    if found.box is None:
        warn(found.sentence)
    return found.box


def find_character(mask: MaskPlane, shows: Shows = "automatic", pose: PoseSequence | None = None) -> MaskBox:
    """Find the character in a mask.

    Args:
        mask: As returned by `read_mask` or `of_grey`.
        shows: What the mask marks. automatic decides by the joints of `pose` or, without one, by the border
            of the image.
        pose: The character's own pose, as fractions of the same image.

    Returns:
        The box, and what was used as the character.

    Raises:
        InvalidInput: `shows` has another value.

    """
    _require_shows(shows)
    marked = mask.values > 0.5
    shown = marked if shows == "character" or (shows == "automatic" and _marks(marked, pose)) else ~marked
    is_plain = marked.all() or not marked.any()
    if not shown.any() or (is_plain and shows == "automatic"):
        kind = "full" if marked.any() else "empty"
        return MaskBox(None, f"The mask is {kind} and is ignored: mark the character in it, or remove it.")
    box, word = Box.of_mask(shown), mask.marked if shown is marked else mask.unmarked
    corners = ",".join(f"{side:.2f}" for side in (box.left, box.top, box.right, box.bottom))
    sentence = f"The character is where the mask is {word}: {shown.mean():.0%} of the image, box {corners}."
    return MaskBox(box, sentence, mask.notes + _doubts(mask, shown, box, pose), shown)


def fit_mask(shown: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize a mask to an image.

    Args:
        shown: (h, w) bool, True at the character.
        width: Of the image, in pixels.
        height: Likewise.

    Returns:
        (height, width) bool.

    """
    scaled = Image.fromarray(shown).convert("L").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled) > 127


def full_image_box_warning(box: Box) -> str | None:
    """Return a warning if a box covers the whole image, else None."""
    if min(box.right - box.left, box.bottom - box.top) < WHOLE:
        return None
    return (
        "The character's box is the whole image: check the mask or box, which should contain only the figure."
    )


def has_aspect_ratio_of(mask: np.ndarray, width: int, height: int) -> bool:
    """Return whether a mask (h, w) has the aspect ratio of an image, so that it can be resized to it."""
    return abs(mask.shape[1] / mask.shape[0] * height / width - 1) <= SHAPE_TOLERANCE


def _marks(marked: np.ndarray, pose: PoseSequence | None) -> bool:
    """Return whether the marked area is the character."""
    share = _share_of_joints(marked, pose)
    if share is not None and not 1 - MAX_JOINTS < share < MAX_JOINTS:
        return share >= MAX_JOINTS
    rim = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
    return bool(rim.mean() <= SURROUNDING)


def _share_of_joints(shown: np.ndarray, pose: PoseSequence | None) -> float | None:
    """Return the fraction of a pose's joints that are on the visible area; None with too few joints."""
    if pose is None or not len(pose):
        return None
    body = pose.body[0, :MODEL_JOINTS]
    places = body[seen(body)][:, :2]
    places = places[((places >= 0) & (places < 1)).all(axis=1)]
    if len(places) < MIN_JOINTS:
        return None
    columns, rows = (places * (shown.shape[1], shown.shape[0])).astype(int).T
    return float(shown[rows, columns].mean())


def _doubts(mask: MaskPlane, shown: np.ndarray, box: Box, pose: PoseSequence | None) -> tuple[str, ...]:
    doubts = []
    share = _share_of_joints(shown, pose)
    if share is not None and share < 1 - MAX_JOINTS:
        doubts.append(
            f"Only {share:.0%} of the joints of the reference pose are on the mask's character: check both."
        )
    if mask.is_photo:
        doubts.append("Most of the mask is neither black nor white: check that it is a mask and not a photo.")
    if whole := full_image_box_warning(box):
        doubts.append(whole)
    return tuple(doubts)


def _require_shows(shows: str) -> None:
    if shows not in SHOWS:
        raise InvalidInput(f"mask_shows is {shows!r}, but it must be one of: {', '.join(SHOWS)}.")


def _warn_of_shape(mask: np.ndarray, width: int, height: int) -> None:
    if mask.any() and not has_aspect_ratio_of(mask, width, height):
        size = f"{mask.shape[1]}x{mask.shape[0]}"
        warn(f"The mask has {size} pixels but the image {width}x{height}: it is stretched to the image.")
