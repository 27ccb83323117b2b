"""Keep alpha steady over time where nothing moves, without delay where something does."""

import torch
from torch import Tensor

from .morphology import largest

STILL = 4.0  # standard deviations of the flicker that a still pixel may change by
LEAST_CHANGE = 3 / 255  # change that is always still
MAX_CHANGE = 0.06


class SteadyAlpha:
    """Repeats alpha and colors of pixels that did not change since they were computed.

    A pixel counts as still as long as it and its neighbors look as in the frame in which its alpha was
    computed, so slow changes do not accumulate. As soon as it changes, its new alpha is used at once.

    Args:
        flicker: Standard deviation of a still pixel between two frames, of 0..1.

    """

    def __init__(self, flicker: float) -> None:
        self._most = min(max(STILL * flicker, LEAST_CHANGE), MAX_CHANGE)
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def update(self, image: Tensor, colors: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Add a frame.

        Args:
            image: The frame, (3, h, w) in 0..1.
            colors: The character's own colors, (3, h, w).
            alpha: (h, w).

        Returns:
            Colors and alpha, steady.

        """
        if self._last is not None:
            seen, kept_colors, kept_alpha = self._last
            change = largest((image - seen).abs().amax(0))
            still = change <= self._most
            soft = still & (kept_alpha > 0) & (kept_alpha < 1)
            image, alpha = torch.where(still, seen, image), torch.where(still, kept_alpha, alpha)
            colors = torch.where(soft, kept_colors, colors)
        self._last = image, colors, alpha
        return colors, alpha
