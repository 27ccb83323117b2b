"""Configuration of the modules that Animate-X++ adds to a Wan transformer, and of the transformer."""

from dataclasses import asdict, dataclass
from typing import Any

from ..animate_x.config_checks import check_fields
from ..animate_x.part_configs import IpiConfig
from ..errors import InvalidInput
from ..hub.models_dir import Variant

MAX_SIZES = {"blocks": 256, "window_frames": 1025}

VARIANTS: tuple[Variant, ...] = ("full", "simple")


@dataclass(frozen=True)
class WanConfig:
    """Sizes of Wan's image-to-video transformer.

    Args:
        dim: Width of the tokens.
        ffn_dim: Hidden width of the feed-forward layers.
        heads: Attention heads.
        blocks: Number of blocks.
        in_channels: Noisy latents, mask and image latents, concatenated.
        out_channels: Channels of the latents.
        freq_dim: Width of the sinusoidal timestep embedding.
        text_dim: Width of the text context.
        text_tokens: Length of the text context.
        image_dim: Width of the CLIP features.
        image_tokens: Number of CLIP tokens.
        eps: Epsilon of the norms.

    """

    dim: int = 5120
    ffn_dim: int = 13824
    heads: int = 40
    blocks: int = 40
    in_channels: int = 36
    out_channels: int = 16
    freq_dim: int = 256
    text_dim: int = 4096
    text_tokens: int = 512
    image_dim: int = 1280
    image_tokens: int = 257
    eps: float = 1e-6

    def __post_init__(self) -> None:
        check_fields(self, MAX_SIZES)
        if self.dim % (2 * self.heads):
            raise InvalidInput(f"dim {self.dim} cannot be split into {self.heads} heads of an even width.")

    @classmethod
    def released(cls) -> "WanConfig":
        """Return the sizes of Wan 2.1 I2V 14B, both 480P and 720P."""
        return cls()

    @classmethod
    def tiny(cls) -> "WanConfig":
        """Return a transformer of about 1 M parameters, for tests."""
        return cls(dim=96, ffn_dim=192, heads=3, blocks=6, text_dim=64)


@dataclass(frozen=True)
class PlusConfig:
    """Sizes of the added modules.

    Args:
        dim: Width of the transformer's tokens.
        hidden: Channels between the convolutions.
        reference_channels: Channels of the encoded reference pose: mask and image latents of the transformer.
        ipi: The implicit pose indicator of the full variant; None for the simple one.
        window_frames: Driving frames that the indicator reads at once, 4n + 1.
        position_rows: Rows of the indicator's position table in the official file.

    """

    dim: int = 5120
    hidden: int = 16
    reference_channels: int = 20
    ipi: IpiConfig | None = None
    window_frames: int = 81
    position_rows: int = 330

    def __post_init__(self) -> None:
        check_fields(self, MAX_SIZES)
        if self.window_frames % 4 != 1:
            raise InvalidInput(f"window_frames is {self.window_frames}, but it must be 4n + 1: use 81.")

    @property
    def variant(self) -> Variant:
        """The official variant that has these modules."""
        return "simple" if self.ipi is None else "full"

    @property
    def window_latents(self) -> int:
        """Number of latent frames that the indicator outputs at once."""
        return (self.window_frames - 1) // 4 + 1

    @classmethod
    def released(cls, variant: Variant) -> "PlusConfig":
        """Return the modules of `animate-x++.ckpt` ("full") or `animate-x++_simple.ckpt` ("simple")."""
        return cls(ipi=IpiConfig(tokens=1) if _checked(variant) == "full" else None)

    @classmethod
    def tiny(cls, variant: Variant) -> "PlusConfig":
        """Return modules for `WanConfig.tiny` whose indicator reads 9 frames at once."""
        ipi = IpiConfig(
            width=32,
            tokens=1,
            clip_dim=64,
            encoder_layers=1,
            encoder_heads=2,
            encoder_hidden=32,
            resampler_layers=1,
            resampler_heads=2,
            resampler_head_dim=16,
        )
        full = _checked(variant) == "full"
        return cls(dim=96, hidden=4, ipi=ipi if full else None, window_frames=9, position_rows=16)

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PlusConfig":
        """Read what `to_dict` wrote; raises InvalidInput for bad values and unknown or missing names."""
        try:
            ipi = values["ipi"]
            return cls(**{**values, "ipi": None if ipi is None else IpiConfig(**ipi)})
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                f"The configuration of Animate-X++ has a missing or unknown entry ({error}): it was written "
                "by another version, so convert the checkpoint again."
            ) from error


def _checked(variant: str) -> str:
    if variant not in VARIANTS:
        raise InvalidInput(
            f"The variant is {variant!r}, but it must be one of full and simple: choose one of them."
        )
    return variant
