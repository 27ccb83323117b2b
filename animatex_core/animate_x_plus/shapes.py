"""How pixels, frames, latents and tokens of a Wan clip relate."""

from dataclasses import dataclass

from ..errors import InvalidInput
from ..utils.validation import require_int

PIXELS_A_LATENT = 8
PATCH_PIXELS = 16
TEMPORAL_STRIDE = 4


@dataclass(frozen=True)
class WanShape:
    """Size of a generated clip; the defaults are the released ones.

    width, height: pixels, multiples of 16; frames: 4n + 1. Raises InvalidInput for others.
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
                    f"take {_rounded_up(size)}."
                )
        require_frames(self.frames)

    @classmethod
    def fitting(cls, width: int, height: int, frames: int) -> "WanShape":
        """Round any size as released: width and height up, frames to the next 4n + 1."""
        for name, size in (("width", width), ("height", height), ("frames", frames)):
            require_int(name, size)
        return cls(_rounded_up(width), _rounded_up(height), fitting_frames(frames))

    @property
    def latent_frames(self) -> int:
        """Frames of the latents: the first frame's own, and one for each four that follow."""
        return latent_frames(self.frames)

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latents."""
        return self.height // PIXELS_A_LATENT, self.width // PIXELS_A_LATENT

    @property
    def grid(self) -> tuple[int, int, int]:
        """(frames, height, width) of the transformer's tokens."""
        return self.latent_frames, self.height // PATCH_PIXELS, self.width // PATCH_PIXELS

    def latents(self, batch: int = 1, channels: int = 16) -> tuple[int, int, int, int, int]:
        """Shape (b, c, f, h, w) of the latents of `batch` clips."""
        return batch, channels, self.latent_frames, *self.latent_size


def latent_frames(frames: int) -> int:
    """Return how many latent frames 4n + 1 frames become: n + 1."""
    return (frames - 1) // TEMPORAL_STRIDE + 1


def fitting_frames(frames: int) -> int:
    """Return the number 4n + 1 that the release generates when asked for another."""
    return (frames + 2) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1


def require_frames(frames: int, what: str = "frames") -> None:
    """Raise InvalidInput unless a number of frames is 4n + 1."""
    require_int(what, frames)
    if frames % TEMPORAL_STRIDE != 1:
        raise InvalidInput(
            f"{what} is {frames}, but Wan makes clips of 4n + 1 frames: take {fitting_frames(frames)}."
        )


def _rounded_up(size: int) -> int:
    return -(-size // PATCH_PIXELS) * PATCH_PIXELS
