"""Every size of the modules that Animate-X++ adds to a Wan transformer, and of that transformer."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from ..animate_x.config import IpiConfig
from ..errors import InvalidInput
from ..hub.models_dir import Variant
from ..utils.validation import MAX_SIZE, require_int

MAX_SIZES = {"blocks": 256, "window_frames": 1025}

VARIANTS: tuple[Variant, ...] = ("full", "simple")


@dataclass(frozen=True)
class WanConfig:
    """Sizes of Wan's image-to-video transformer, which is not part of this library.

    in_channels: noisy latents, mask and image latents side by side; text_tokens: length of the text context;
    image_tokens, image_dim: those of the CLIP features.
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
        _check_sizes(self)
        if self.dim % (2 * self.heads):
            raise InvalidInput(f"dim {self.dim} cannot be split into {self.heads} heads of an even width.")

    @classmethod
    def released(cls) -> "WanConfig":
        """Wan 2.1 I2V 14B, of 480P and 720P alike."""
        return cls()

    @classmethod
    def tiny(cls) -> "WanConfig":
        """A transformer of about 1 M parameters, for a laptop's CPU."""
        return cls(dim=96, ffn_dim=192, heads=3, blocks=6, text_dim=64)


@dataclass(frozen=True)
class PlusConfig:
    """Sizes of the added modules.

    dim: width of the transformer's tokens. hidden: channels of the convolutions in between.
    reference_channels: what the reference pose is encoded to, mask and image latents of the transformer.
    ipi: the implicit pose indicator of the full variant; None makes the simple one.
    window_frames: driving frames that the indicator reads at once, 4n + 1.
    position_rows: rows of the indicator's position table in the released file.
    """

    dim: int = 5120
    hidden: int = 16
    reference_channels: int = 20
    ipi: IpiConfig | None = None
    window_frames: int = 81
    position_rows: int = 330

    def __post_init__(self) -> None:
        _check_sizes(self)
        if self.window_frames % 4 != 1:
            raise InvalidInput(f"window_frames is {self.window_frames}, but it must be 4n + 1: take 81.")

    @property
    def variant(self) -> Variant:
        """Which of the two released systems has these modules."""
        return "simple" if self.ipi is None else "full"

    @property
    def window_latents(self) -> int:
        """Latent frames that the indicator answers for at once."""
        return (self.window_frames - 1) // 4 + 1

    @classmethod
    def released(cls, variant: Variant) -> "PlusConfig":
        """The modules of `animate-x++.ckpt` ("full") or `animate-x++_simple.ckpt` ("simple")."""
        return cls(ipi=IpiConfig(tokens=1) if _checked(variant) == "full" else None)

    @classmethod
    def tiny(cls, variant: Variant) -> "PlusConfig":
        """Modules for `WanConfig.tiny` whose indicator reads 9 frames at once."""
        ipi = IpiConfig(
            width=32, tokens=1, clip_dim=64, encoder_layers=1, encoder_heads=2, encoder_hidden=32,
            resampler_layers=1, resampler_heads=2, resampler_head_dim=16,
        )  # fmt: skip
        full = _checked(variant) == "full"
        return cls(dim=96, hidden=4, ipi=ipi if full else None, window_frames=9, position_rows=16)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PlusConfig":
        """Read what `to_dict` wrote; a name or value that does not belong raises InvalidInput."""
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
        raise InvalidInput(f"The variant is {variant!r}, but there are full and simple: choose one of them.")
    return variant


def _check_sizes(config: WanConfig | PlusConfig) -> None:
    for entry in fields(config):
        if entry.type is int:
            require_int(entry.name, getattr(config, entry.name), most=MAX_SIZES.get(entry.name, MAX_SIZE))
