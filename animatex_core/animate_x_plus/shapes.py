"""Sizes of a Wan video in pixels, frames, latents and tokens."""

from dataclasses import dataclass

from ..errors import InvalidInput
from ..utils.validation import require_int

SPATIAL_STRIDE = 8
PATCH_PIXELS = 16
TEMPORAL_STRIDE = 4


@dataclass(frozen=True)
class WanShape:
    """Size of a generated video; the defaults are the official ones.

    Args:
        width: In pixels, a multiple of 16.
        height: In pixels, a multiple of 16.
        frames: Number of frames, 4n + 1.

    Raises:
        InvalidInput: A size is not such a number.

    """

    width: int = 480
    height: int = 832
    frames: int = 81

    def __post_init__(self) -> None:
        for name, size in (("width", self.width), ("height", self.height)):
            require_int(name, size)
            if size % PATCH_PIXELS:
                raise InvalidInput(
                    f"{name} is {size} pixels, but it must be a multiple of {PATCH_PIXELS}: "
                    f"use {_rounded_up(size)}."
                )
        require_frames(self.frames)

    @classmethod
    def fitting(cls, width: int, height: int, frames: int) -> "WanShape":
        """Round any size as the official code does: width and height up, frames to 4n + 1.

        Args:
            width: In pixels.
            height: In pixels.
            frames: Number of frames.

        Returns:
            The shape.

        Raises:
            InvalidInput: A number is below 1.

        """
        for name, size in (("width", width), ("height", height), ("frames", frames)):
            require_int(name, size)
        return cls(_rounded_up(width), _rounded_up(height), fitting_frames(frames))

    @property
    def latent_frames(self) -> int:
        """Number of latent frames: one for the first frame, and one for every four that follow."""
        return latent_frames(self.frames)

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latents."""
        return self.height // SPATIAL_STRIDE, self.width // SPATIAL_STRIDE

    @property
    def grid(self) -> tuple[int, int, int]:
        """(frames, height, width) of the transformer's tokens."""
        return self.latent_frames, self.height // PATCH_PIXELS, self.width // PATCH_PIXELS

    def latents(self, batch: int = 1, channels: int = 16) -> tuple[int, int, int, int, int]:
        """Return the shape (b, c, f, h, w) of the latents of `batch` videos."""
        return batch, channels, self.latent_frames, *self.latent_size


def latent_frames(frames: int) -> int:
    """Return the number of latent frames, n + 1, of 4n + 1 frames."""
    return (frames - 1) // TEMPORAL_STRIDE + 1


def fitting_frames(frames: int) -> int:
    """Return the number 4n + 1 that the official code generates for any number of frames."""
    return (frames + 2) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1


def require_frames(frames: int, what: str = "frames") -> None:
    """Raise InvalidInput unless a number of frames is 4n + 1."""
    require_int(what, frames)
    if frames % TEMPORAL_STRIDE != 1:
        raise InvalidInput(
            f"{what} is {frames}, but Wan makes videos of 4n + 1 frames: use {fitting_frames(frames)}."
        )


def _rounded_up(size: int) -> int:
    return -(-size // PATCH_PIXELS) * PATCH_PIXELS
