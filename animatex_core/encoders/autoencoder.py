"""The autoencoder of Stable Diffusion 2.1, between images and latents, through diffusers' AutoencoderKL."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints.safe_load import open_tensors, read_metadata
from ..checkpoints.validation import check_keys, load_strictly, shapes
from ..errors import InvalidInput, WrongCheckpoint
from ..utils.documents import document_errors, parse_json
from ..utils.optional import standalone_package
from ..utils.validation import MAX_SIZE, require_int, require_int_fields
from .autoencoder_keys import (
    current_diffusers_names,
    diffusers_to_ldm,
    has_ldm_names,
    ldm_to_diffusers,
    without_prefix,
)
from .base import batched_apply

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

LATENT_SCALE = 0.18215  # scales the latents to a standard deviation of about 1
MAX_BLOCKS = 16  # per level
FACTOR = 8  # pixels per latent along one side
CONFIG = "config"  # key in the metadata of a small bundle's file
WHAT = "the autoencoder of Stable Diffusion 2.1"


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the network.

    Args:
        channels: Width of each level, finest first, multiples of `norm_groups`.
        blocks: Residual blocks per level of the encoder; the decoder has one more.
        latent_channels: Channels of the latents.
        norm_groups: Groups of the normalisation. With 32 groups, 32 channels would each be normalised alone.
        patch: Side of the patches of pixels that are folded into channels before the network and unfolded
            after it; 1 in Stable Diffusion. Levels and patches together make one latent of 8 x 8 pixels.

    Raises:
        InvalidInput: A size is out of range.

    """

    channels: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    latent_channels: int = 4
    norm_groups: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        require_int("blocks", self.blocks, most=MAX_BLOCKS)
        require_int_fields(self, ("latent_channels", "norm_groups"), most=MAX_SIZE)
        for width in self.channels:
            require_int("each of channels", width, most=MAX_SIZE)
        require_int("patch", self.patch, most=FACTOR)
        if self.patch << len(self.channels) != 2 * FACTOR:
            raise InvalidInput(
                f"An autoencoder of {len(self.channels)} levels on patches of {self.patch} pixels does not "
                f"make one latent of {FACTOR} x {FACTOR} pixels: use 4 levels on single pixels, or 1 on "
                "patches of 8."
            )

    @property
    def picture_channels(self) -> int:
        """Input channels of the network: red, green and blue of every pixel of a patch."""
        return 3 * self.patch**2

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AutoencoderConfig":
        """Read what `to_dict` wrote; raises InvalidInput for bad values, TypeError for unknown names."""
        return cls(**{**values, "channels": tuple(values["channels"])})


STABLE_DIFFUSION_2_1 = AutoencoderConfig()
# Of a small bundle whose file has no sizes in its metadata.
SMALL_AUTOENCODER = AutoencoderConfig(channels=(32, 32, 64, 128), blocks=1, norm_groups=4)


def autoencoder_metadata(config: AutoencoderConfig) -> dict[str, str]:
    """Return the metadata for the file of a small bundle's autoencoder."""
    return {CONFIG: json.dumps(config.to_dict())}


def bundled_config(path: str | Path) -> AutoencoderConfig:
    """Read the sizes of a small bundle's autoencoder; raises CheckpointError or a subclass."""
    metadata = read_metadata(path)
    if CONFIG not in metadata:
        return SMALL_AUTOENCODER
    with document_errors(f"{path} has unusable sizes", "download the bundle again", WrongCheckpoint):
        return AutoencoderConfig.from_dict(parse_json(metadata[CONFIG]))


@dataclass(frozen=True)
class StableDiffusionAutoencoder:
    """A `base.LatentCodec` through diffusers.

    Args:
        network: The network, in eval mode.
        batch_size: Frames processed at once, so that memory does not grow with the video.
        patch: As in `AutoencoderConfig`.

    """

    network: "AutoencoderKL"
    batch_size: int = 2
    patch: int = 1

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        config: AutoencoderConfig = STABLE_DIFFUSION_2_1,
        *,
        source: str = "the checkpoint",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int = 2,
    ) -> "StableDiffusionAutoencoder":
        """Build from the tensors of `v2-1_512-ema-pruned.ckpt`, its autoencoder alone, or diffusers' file.

        Args:
            tensors: Key to tensor.
            config: Sizes of the network.
            source: Where the tensors come from, for error messages.
            dtype: Type of the weights.
            device: Where the weights are.
            batch_size: Frames processed at once.

        Raises:
            WrongCheckpoint: Keys or shapes do not fit.
            MissingDependency: diffusers is not installed.

        """
        network = network_on_meta(config)
        found = _diffusers_tensors(without_prefix(tensors, source), network, source)
        loaded = load_strictly(network, found, WHAT, source, dtype, device)
        # 1.5 times as fast on a CPU, and cuDNN's half precision prefers it too.
        return cls(loaded.to(memory_format=torch.channels_last), batch_size, config.patch)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        config: AutoencoderConfig = STABLE_DIFFUSION_2_1,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int = 2,
    ) -> "StableDiffusionAutoencoder":
        """Like `from_tensors`, from a file; also raises what `open_tensors` raises."""
        return cls.from_tensors(
            open_tensors(path), config, source=str(path), dtype=dtype, device=device, batch_size=batch_size
        )

    def encode(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encode images to scaled latents.

        Args:
            images: (n, 3, h, w) in -1..1, sides multiples of 8.
            generator: Samples the posterior, as the official code does; None returns its mean.

        Returns:
            Latents (n, c, h/8, w/8), scaled by 0.18215, on the device and in the dtype of the images.

        Raises:
            InvalidInput: A side is not a multiple of 8.

        """
        mean, logvar = self.posterior(images)
        if generator is not None:
            # Drawn for all frames at once, so that the latents do not depend on the batch size.
            noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
            mean = mean + torch.exp(logvar / 2) * noise
        return mean * LATENT_SCALE

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the latents, each (n, c, h/8, w/8), unscaled."""
        height, width = images.shape[-2:]
        if height % FACTOR or width % FACTOR:
            raise InvalidInput(
                f"The images to encode are {width} x {height} pixels, but both sides must be multiples of "
                f"{FACTOR}: resize them."
            )
        moments = batched_apply(self._moments, images, self.batch_size, like=self._weight)
        mean, logvar = moments.chunk(2, dim=1)
        return mean, logvar

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (n, c, h, w), scaled as by `encode`, to images (n, 3, 8h, 8w) of about -1..1."""
        return batched_apply(self._images, latents, self.batch_size, like=self._weight)

    def _moments(self, images: Tensor) -> Tensor:
        posterior = self.network.encode(F.pixel_unshuffle(images, self.patch)).latent_dist
        return torch.cat([posterior.mean, posterior.logvar], dim=1)

    def _images(self, latents: Tensor) -> Tensor:
        return F.pixel_shuffle(self.network.decode(latents / LATENT_SCALE).sample, self.patch)

    @property
    def _weight(self) -> Tensor:
        return next(self.network.parameters())


def network_on_meta(config: AutoencoderConfig) -> "AutoencoderKL":
    """Build diffusers' network on the meta device."""
    levels = len(config.channels)
    with torch.device("meta"):
        return standalone_package("diffusers").AutoencoderKL(
            in_channels=config.picture_channels,
            out_channels=config.picture_channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=config.channels,
            layers_per_block=config.blocks,
            latent_channels=config.latent_channels,
            norm_num_groups=config.norm_groups,
        )


def _diffusers_tensors(
    tensors: Mapping[str, Tensor], network: "AutoencoderKL", source: str
) -> dict[str, Tensor]:
    """Rename tensors to the network's names; LDM names are checked before, so that errors quote them."""
    if not has_ldm_names(tensors):
        return current_diffusers_names(tensors)
    levels = len(network.config.block_out_channels)
    check_keys(shapes(diffusers_to_ldm(network.state_dict(), levels)), shapes(tensors), WHAT, source)
    return ldm_to_diffusers(tensors, levels)
