"""Cut the character out of the frames of a video."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput, warn
from ..video.image import require_rgb
from .background import (
    Background,
    background_around_masks,
    background_behind_reference,
    iterate_tensors,
    plain_background,
)
from .edges import solve_edge
from .figure import SteadyAlpha, edge_band, find_figure, require_surroundings
from .masks import match_masks
from .palette import parse_color

EDGE_WIDTH = 0.005  # of the longer side: how far an edge is soft, 4 pixels of 768
OPAQUE = 0.5
SOFT_SHARE = 0.002  # fraction of soft values from which given masks are alpha and not just outlines

NOTHING_KNOWN = (
    "The background has no single color along its border, and there is no mask of the character: give the "
    "reference with its mask, a mask for every frame, or the color of the background."
)
REFERENCE_UNKNOWN = (
    "The reference has no mask, no transparency and no single color along its border, so the character "
    "cannot be cut out: give the mask of the character in it, or animate without cutting out."
)
ALL_TRANSPARENT = (
    "The character was not found in any frame, so everything would be transparent: check the mask and the "
    "color of the background."
)


@dataclass(frozen=True, eq=False)
class CutOutFrame:
    """One frame of a character without its background.

    Attributes:
        colors: (h, w, 3) uint8, straight: not multiplied by alpha. 0 where alpha is 0, except near the edge.
        alpha: (h, w) float32 in 0..1.

    """

    colors: np.ndarray
    alpha: np.ndarray

    @property
    def rgba(self) -> np.ndarray:
        """The frame as (h, w, 4) uint8."""
        return np.dstack([self.colors, np.rint(self.alpha * 255).astype(np.uint8)])


@dataclass(frozen=True, eq=False)
class CutOut:
    """Cuts the character out of frames, one at a time. Use `prepare_cut_out`.

    Attributes:
        frames: (f, h, w, 3) uint8.
        background: What is behind the character.
        masks: (f, h, w) of 0..1 if they are given, else None.
        fill_holes: Whether everything that the character encloses belongs to it.

    """

    frames: np.ndarray
    background: Background
    masks: np.ndarray | None = None
    fill_holes: bool = False

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[CutOutFrame]:
        """Yield the frames; raises InvalidInput at the end if all of them are transparent."""
        steady, visible = SteadyAlpha(self.background.flicker), False
        for number, image in enumerate(iterate_tensors(self.frames)):
            colors, alpha = steady.update(image, *self._matte(image, number))
            visible = visible or bool((alpha > OPAQUE).any())
            if number + 1 == len(self) and not visible:
                raise InvalidInput(ALL_TRANSPARENT)
            yield _finished(self.frames[number], colors, alpha)

    def _matte(self, image: Tensor, number: int) -> tuple[Tensor, Tensor]:
        radius = max(1, round(EDGE_WIDTH * max(image.shape[1:])))
        behind = self.background.colors
        if self.masks is None:
            difference = self.background.difference(image)
            figure = find_figure(difference, self.background.noise, fill_holes=self.fill_holes)
            return solve_edge(image, behind, figure, *edge_band(figure, radius), radius)
        given = torch.tensor(self.masks[number], dtype=torch.float32)
        figure = given > OPAQUE
        if _is_soft(given):
            return solve_edge(image, behind, figure, (given > 0) & (given < 1), given >= 1, radius, given)
        band, inside = edge_band(figure, radius, max(1, radius // 2))  # masks end in the middle of an edge
        return solve_edge(image, behind, figure, band, inside, radius)


def prepare_cut_out(
    frames: np.ndarray,
    *,
    reference: np.ndarray | None = None,
    shown: np.ndarray | None = None,
    masks: np.ndarray | None = None,
    color: str | None = None,
    fill_holes: bool = False,
) -> CutOut:
    """Find the background of a video, by the first of these that is given: masks, color, reference and shown.

    Args:
        frames: (f, h, w, 3) uint8.
        reference: The reference image at the size of the frames, (h, w, 3) uint8.
        shown: (h, w) bool, where the character is in it.
        masks: (f, h, w) of 0..1, 1 at the character. Binary ones get soft edges, soft ones are used as alpha.
        color: Color of a plain background: #rrggbb or a name; None to detect it along the border.
        fill_holes: Whether everything that the character encloses belongs to it, such as a white belly on
            white; gaps between limbs become opaque too.

    Returns:
        What to iterate over for the frames.

    Raises:
        InvalidInput: There are no frames, an array has another shape or type, sizes or lengths differ, or the
            background cannot be found.

    """
    _require_frames(frames)
    if masks is not None:
        masks = match_masks(masks, frames.shape[:3])
        return CutOut(frames, background_around_masks(frames, masks), masks, fill_holes)
    if color is not None:
        plain = plain_background(frames, parse_color(color))
    elif reference is not None and shown is not None:
        plain = _from_reference(frames, reference, shown)
    else:
        plain = plain_background(frames)
    if plain is None:
        raise InvalidInput(NOTHING_KNOWN)
    return CutOut(frames, plain, None, fill_holes)


def _require_frames(frames: np.ndarray) -> None:
    if not frames.size:
        raise InvalidInput("There are no frames to cut out: give at least one.")
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        raise InvalidInput(
            f"The frames are {frames.dtype} of shape {frames.shape}, but must be uint8 of shape (frames, "
            "height, width, 3): convert them to RGB of 0 to 255."
        )


def _require_reference(reference: np.ndarray, shown: np.ndarray) -> None:
    require_rgb(reference, "The reference")
    if shown.ndim != 2 or shown.dtype != np.bool_:
        raise InvalidInput(
            f"The mask of the reference is {shown.dtype} of shape {shown.shape}, but must be bool of shape "
            "(height, width): compare it with a threshold."
        )


def require_known_background(reference: np.ndarray, shown: np.ndarray | None) -> None:
    """Check whether an animation of a reference can be cut out, before it is computed.

    Args:
        reference: The reference image, (h, w, 3) uint8.
        shown: (h, w) bool, where the character is in it; None if unknown.

    Raises:
        InvalidInput: Nothing tells the character from the background.

    """
    if shown is not None:
        _require_marked(shown)
        require_surroundings(torch.tensor(shown))
    elif plain_background(reference[None]) is None:
        raise InvalidInput(REFERENCE_UNKNOWN)


def _require_marked(shown: np.ndarray) -> None:
    if not shown.any():
        raise InvalidInput("The mask of the reference is empty: mark the character in it.")


def _from_reference(frames: np.ndarray, reference: np.ndarray, shown: np.ndarray) -> Background:
    _require_reference(reference, shown)
    height, width = frames.shape[1:3]
    for name, size in (("reference", reference.shape[:2]), ("mask", shown.shape)):
        if size != (height, width):
            raise InvalidInput(
                f"The {name} is {size[1]}x{size[0]}, but the frames are {width}x{height}: resize it to them."
            )
    _require_marked(shown)
    if len(frames) == 1:
        warn(
            "There is a single frame, so the background behind the character is a guess: give all frames of "
            "the video at once."
        )
    return background_behind_reference(frames, reference, shown)


def _is_soft(mask: Tensor) -> bool:
    return float(((mask > 0.02) & (mask < 0.98)).float().mean()) > SOFT_SHARE


def _finished(frame: np.ndarray, colors: Tensor, alpha: Tensor) -> CutOutFrame:
    own = (colors * 255).round().to(torch.uint8)
    seen = torch.tensor(frame).permute(2, 0, 1)
    final = torch.where(alpha >= 1, seen, own).permute(1, 2, 0).contiguous()
    return CutOutFrame(final.numpy(), alpha.numpy())
