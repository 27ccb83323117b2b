"""Configuration of the denoiser: sizes, presets and the paper's ablations."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from ..errors import InvalidInput
from ..utils.validation import is_number, short_repr
from .config_checks import check_choice, check_fields, check_levels
from .part_configs import IpiConfig, MambaConfig

# A file can contain any sizes; within these the network can be built on the meta device in seconds.
_UNET_LIMITS = {"residual_blocks": 16}

TemporalKind = Literal["transformer", "mamba"]
MotionAttention = Literal["residual", "parallel"]
GRID_FACTORS = (1, 2, 4, 8)
MIN_CHANGE = 0.001  # smaller changes of a pixel, in -1..1, are never seen


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the 3D UNet.

    Args:
        channels: Width of the finest level.
        multipliers: Width of each level as a multiple of `channels`, finest first.
        residual_blocks: Residual blocks per level of the encoder; the decoder has one more.
        attention_levels: Levels with attention, 0 being the finest; the middle block always has attention.
        head_dim: Width of an attention head.
        stem_heads: Attention heads of the first temporal transformer (the others have width / head_dim).
        norm_groups: Groups of the group normalisations.
        latent_channels: Channels of the noisy latents.
        concat_channels: Channels of the encoded pose and reference images, beside the noisy latents.
        context_dim: Width of the context of the spatial cross-attention, of `text_tokens` and `image_tokens`.
        dropout: Dropout of the residual blocks.
        temporal: Temporal layers: the official "transformer" or the paper's "mamba".
        mamba: Sizes of the latter.
        ipi: The implicit pose indicator; None builds the network without it and its motion attention.
        motion_attention: "residual" follows the spatial attention, "parallel" (PA) runs beside it.
        motion_scale: Factor alpha of the motion attention, 0..1.
        pools_pictures: Pool pose and reference images before the first convolution of their encoders instead
            of after it.
        separate_conditions: Pose and reference images have `concat_channels` each instead of sharing them.
        puppet: The network also sees the latents of the puppet (the reference image warped along the bones)
            and predicts a correction to them.
        reference_keys: Spatial self-attention of every frame also attends to the reference frame.
        grid_factor: 1, 2, 4 or 8: how many times finer than the latents the grid of the network is, see
            `FinerGrid`.
        cell_channels: Channels of a cell of the finer grid that hold its part of the latents.
        temporal_levels: Levels with temporal layers, 0 being the finest; None gives them to all levels, as in
            the official network.
        ignores_noise: The network estimates the video from its conditions alone, the puppet among them, so
            that any number of steps gives what one step gives.
        smallest_change: Changes of the puppet's pixels, in -1..1, are left out where they are smaller in
            every channel, and kept where they are twice as large. Needs `ignores_noise` and a finer grid, and
            has no effect in training. What a short training changes in even areas is noise.

    """

    channels: int = 320
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    residual_blocks: int = 2
    attention_levels: tuple[int, ...] = (0, 1, 2)
    head_dim: int = 64
    stem_heads: int = 8
    norm_groups: int = 32
    latent_channels: int = 4
    concat_channels: int = 8
    context_dim: int = 1024
    text_tokens: int = 77
    image_tokens: int = 4
    dropout: float = 0.1
    temporal: TemporalKind = "transformer"
    mamba: MambaConfig = field(default_factory=MambaConfig)
    ipi: IpiConfig | None = field(default_factory=IpiConfig)
    motion_attention: MotionAttention = "residual"
    motion_scale: float = 1.0
    pools_pictures: bool = False
    separate_conditions: bool = False
    puppet: bool = False
    reference_keys: bool = False
    grid_factor: int = 1
    cell_channels: int = 4
    temporal_levels: tuple[int, ...] | None = None
    ignores_noise: bool = False
    smallest_change: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, _UNET_LIMITS)
        check_levels(self.multipliers, self.attention_levels, self.channels)
        check_levels(self.multipliers, self.temporal_levels or (), self.channels)
        check_choice("grid_factor", self.grid_factor, GRID_FACTORS)
        check_choice("temporal", self.temporal, get_args(TemporalKind))
        check_choice("motion_attention", self.motion_attention, get_args(MotionAttention))
        if not 0 <= self.motion_scale <= 1:
            raise InvalidInput(f"motion_scale is {short_repr(self.motion_scale)}: choose alpha in 0..1.")
        if self.ignores_noise and not self.puppet:
            raise InvalidInput("ignores_noise is true, but puppet is false: set both to true, or neither.")
        self._check_smallest_change()
        self._check_widths()

    def _check_smallest_change(self) -> None:
        least = self.smallest_change
        if not is_number(least) or (least != 0 and not MIN_CHANGE <= least <= 1):
            raise InvalidInput(f"smallest_change is {short_repr(least)}: choose 0, or {MIN_CHANGE} to 1.")
        if self.smallest_change and not (self.ignores_noise and self.grid_factor > 1):
            raise InvalidInput(
                "smallest_change needs ignores_noise and a grid_factor above 1: set it to 0, or both of them."
            )

    def _check_widths(self) -> None:
        for width in self.widths:
            if width % self.norm_groups or width % self.head_dim:
                raise InvalidInput(
                    f"A level of {width} channels cannot be split into {self.norm_groups} norm groups and "
                    f"heads of {self.head_dim}: choose channels, head_dim and norm_groups that divide."
                )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.channels * multiplier for multiplier in self.multipliers)

    @property
    def num_downsamples(self) -> int:
        """Number of times that height and width of the latents are halved."""
        return max(0, len(self.multipliers) - GRID_FACTORS.index(self.grid_factor) - 1)

    def has_temporal_layers(self, level: int) -> bool:
        """Return whether a level has temporal layers."""
        return self.temporal_levels is None or level in self.temporal_levels

    @property
    def time_dim(self) -> int:
        """Width of the timestep embedding."""
        return 4 * self.channels

    @property
    def image_channels(self) -> int:
        """Channels of the encoded pose and reference images together, at each cell of the grid."""
        return self.concat_channels * (2 if self.separate_conditions else 1)

    @property
    def condition_channels(self) -> int:
        """Channels concatenated to the noisy latents."""
        return self.image_channels * self.grid_factor**2 + self.puppet_channels

    @property
    def shows_alpha(self) -> bool:
        """Whether the network sees what the figure covers in the puppet's frames: only on a finer grid."""
        return self.puppet and self.grid_factor > 1

    @property
    def puppet_channels(self) -> int:
        """Channels of the puppet among them, which are the last."""
        alpha = self.grid_factor**2 if self.shows_alpha else 0
        return alpha + (self.latent_channels if self.puppet else 0)

    @property
    def reference_channels(self) -> int:
        """Channels of the reference frame, which is prepended to the video."""
        return self.latent_channels + self.condition_channels

    @property
    def stem_channels(self) -> int:
        """Channels of all input at each cell of the grid."""
        latents = self.latent_channels if self.grid_factor == 1 else self.cell_channels
        return latents * (2 if self.puppet else 1) + self.image_channels + self.shows_alpha

    @classmethod
    def released(cls) -> "DenoiserConfig":
        """Return the network of the official checkpoint (1,818 M parameters, temporal transformer)."""
        return cls(ipi=IpiConfig(interleaves_batch=True))

    @classmethod
    def paper(cls) -> "DenoiserConfig":
        """Return the network of the paper, with bidirectional Mamba over time (section 3.1)."""
        return cls(temporal="mamba")

    @classmethod
    def tiny(cls) -> "DenoiserConfig":
        """Return a network of about 2 M parameters with every part of the official one, for tests."""
        return cls(
            channels=32,
            multipliers=(1, 2, 2),
            residual_blocks=1,
            attention_levels=(0, 1),
            head_dim=16,
            stem_heads=2,
            norm_groups=16,
            context_dim=64,
            text_tokens=4,
            ipi=IpiConfig.tiny(),
        )

    def with_ipi(self, **changes: Any) -> "DenoiserConfig":
        """Return a copy with other settings of the IPI, such as `variant="clip_query"`."""
        if self.ipi is None:
            raise InvalidInput("This configuration has no IPI to change: start from one that has it.")
        return replace(self, ipi=replace(self.ipi, **changes))

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DenoiserConfig":
        """Read what `to_dict` wrote; raises InvalidInput for bad values and unknown or missing names."""
        try:
            ipi, mamba = values["ipi"], values["mamba"]
            nested = {
                "multipliers": tuple(values["multipliers"]),
                "attention_levels": tuple(values["attention_levels"]),
                "temporal_levels": _tuple_or_none(values.get("temporal_levels")),
                "ipi": None if ipi is None else IpiConfig(**ipi),
                "mamba": MambaConfig(**mamba),
            }
            return cls(**{**values, **nested})
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                f"The denoiser configuration has a missing or unknown entry ({error}): it was written by "
                "another version, so convert the checkpoint again."
            ) from error


def _tuple_or_none(levels: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if levels is None else tuple(levels)


PRESETS = {"released": DenoiserConfig.released, "paper": DenoiserConfig.paper, "tiny": DenoiserConfig.tiny}
