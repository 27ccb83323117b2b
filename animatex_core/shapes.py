"""The one place that knows how pixels, latents and frames relate."""

from dataclasses import dataclass, replace

from .checks import MAX_SIZE, require_whole
from .errors import InvalidInput


@dataclass(frozen=True)
class ClipShape:
    """Size of a generated clip.

    width, height: pixels, each divisible by `multiple`; frames: number of generated frames, 1 or more.
    factor: pixels per latent along one side (8 for Stable Diffusion's autoencoder).
    halvings: how often the denoiser halves its latents (3 for the released one).
    """

    width: int = 512
    height: int = 768
    frames: int = 32
    factor: int = 8
    halvings: int = 3

    def __post_init__(self) -> None:
        require_whole("frames", self.frames)
        require_whole("factor", self.factor, most=MAX_SIZE)
        require_whole("halvings", self.halvings, least=0, most=16)
        for name, size in (("width", self.width), ("height", self.height)):
            require_whole(name, size, most=MAX_SIZE)
            if size % self.multiple:
                raise InvalidInput(
                    f"{name} is {size} pixels, but it must be a multiple of {self.multiple}: "
                    f"take {self._nearest(size)}."
                )

    @property
    def multiple(self) -> int:
        """What width and height must be divisible by, in pixels."""
        return self.factor << self.halvings

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latents."""
        return self.height // self.factor, self.width // self.factor

    def latents(self, batch: int = 1, channels: int = 4) -> tuple[int, int, int, int, int]:
        """Shape (b, c, f, h, w) of the latents of `batch` clips."""
        return batch, channels, self.frames, *self.latent_size

    def of_aspect(self, aspect: float) -> "ClipShape":
        """Return the shape of about as many pixels whose width divided by height is nearest to `aspect`."""
        height = (self.width * self.height / aspect) ** 0.5
        return replace(self, width=self._nearest(height * aspect), height=self._nearest(height))

    def _nearest(self, size: float) -> int:
        return max(self.multiple, round(size / self.multiple) * self.multiple)
