"""How pixels, frames, latents and tokens of a Wan clip relate."""

from dataclasses import dataclass

from ..checks import require_whole
from ..errors import InvalidInput

PIXELS_A_LATENT = 8
PIXELS_A_TOKEN = 16
FRAMES_A_LATENT = 4


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
            require_whole(name, size)
            if size % PIXELS_A_TOKEN:
                raise InvalidInput(
                    f"{name} is {size} pixels, but it must be a multiple of {PIXELS_A_TOKEN}: "
                    f"take {_rounded_up(size)}."
                )
        require_frames(self.frames)

    @classmethod
    def fitting(cls, width: int, height: int, frames: int) -> "WanShape":
        """Round any size as released: width and height up, frames to the next 4n + 1."""
        for name, size in (("width", width), ("height", height), ("frames", frames)):
            require_whole(name, size)
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
        return self.latent_frames, self.height // PIXELS_A_TOKEN, self.width // PIXELS_A_TOKEN

    def latents(self, batch: int = 1, channels: int = 16) -> tuple[int, int, int, int, int]:
        """Shape (b, c, f, h, w) of the latents of `batch` clips."""
        return batch, channels, self.latent_frames, *self.latent_size


def latent_frames(frames: int) -> int:
    """Return how many latent frames 4n + 1 frames become: n + 1."""
    return (frames - 1) // FRAMES_A_LATENT + 1


def fitting_frames(frames: int) -> int:
    """Return the number 4n + 1 that the release generates when asked for another."""
    return (frames + 2) // FRAMES_A_LATENT * FRAMES_A_LATENT + 1


def require_frames(frames: int, what: str = "frames") -> None:
    """Raise InvalidInput unless a number of frames is 4n + 1."""
    require_whole(what, frames)
    if frames % FRAMES_A_LATENT != 1:
        raise InvalidInput(
            f"{what} is {frames}, but Wan makes clips of 4n + 1 frames: take {fitting_frames(frames)}."
        )


def _rounded_up(size: int) -> int:
    return -(-size // PIXELS_A_TOKEN) * PIXELS_A_TOKEN
