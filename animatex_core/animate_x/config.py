"""Every size of the denoiser, its presets, and the paper's ablations."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from ..errors import InvalidInput
from ..utils.validation import MAX_SIZE, require_int, shown

# A file may tell any sizes; with these the network can still be laid out, without memory, in seconds.
MAX_LEVELS = 8
MAX_SIZES = {
    "residual_blocks": 16,
    "encoder_layers": 128,
    "resampler_layers": 128,
    "kernel": 64,
    "expand": 64,
}

TemporalKind = Literal["transformer", "mamba"]
MotionAttention = Literal["residual", "parallel"]
IpiVariant = Literal["full", "no_learnable_query", "no_keypoint_query", "clip_query"]


@dataclass(frozen=True)
class IpiConfig:
    """The implicit pose indicator (paper, section 3.2).

    variant: the rows of the paper's ablation. "full"; "no_learnable_query" and "no_keypoint_query" drop
        one of the two summands of the query; "clip_query" (KV_Q) lets the CLIP features ask and the
        keypoints answer. No IPI at all is `DenoiserConfig(ipi=None)`.
    interleaves_batch: the released encoder reads its (frames, batch) output as (batch, frames). One clip
        at a time, as the release samples, this changes nothing; a batch of clips it mixes. True computes
        what the released code computes, False what is meant.
    """

    width: int = 1024
    joints: int = 18
    tokens: int = 4
    clip_dim: int = 1024
    encoder_layers: int = 3
    encoder_heads: int = 8
    encoder_hidden: int = 1024
    resampler_layers: int = 8
    resampler_heads: int = 16
    resampler_head_dim: int = 64
    dropout: float = 0.1
    variant: IpiVariant = "full"
    interleaves_batch: bool = False

    def __post_init__(self) -> None:
        _check_sizes(self)
        _check_choice("ipi.variant", self.variant, get_args(IpiVariant))
        if self.width % self.encoder_heads:
            raise InvalidInput(f"ipi.width {self.width} cannot be split into {self.encoder_heads} heads.")

    @property
    def asks_keypoints(self) -> bool:
        """Whether the keypoints are encoded at all."""
        return self.variant != "no_keypoint_query"

    @property
    def learns_query(self) -> bool:
        """Whether the resampler has latents of its own."""
        return self.variant != "no_learnable_query"


@dataclass(frozen=True)
class MambaConfig:
    """Sizes of the selective state space model (Mamba) that may replace the temporal attention."""

    state: int = 16
    kernel: int = 4
    expand: int = 2
    bidirectional: bool = True

    def __post_init__(self) -> None:
        _check_sizes(self)


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the 3D UNet.

    channels: width of the first level; multipliers: width of each level as multiples of it.
    attention_levels: which levels have attention, 0 being the finest; the middle always has.
    stem_heads: attention heads of the very first temporal transformer (the others take width / head_dim).
    concat_channels: what pose and reference pictures are encoded to, beside the noisy latents.
    context_dim, text_tokens, image_tokens: the spatial cross attention's context.
    ipi: None builds the network without the implicit pose indicator and its motion attention.
    motion_attention: "residual" follows the spatial attention, "parallel" (PA) stands beside it.
    motion_scale: alpha, 0..1, how much of the motion attention is added.
    pools_pictures: pose and reference pictures are averaged down to four times the latents' size before the
        first convolution of their encoders, not behind it.
    separate_conditions: pose and reference pictures have concat_channels each, instead of sharing them.
    puppet: the network is also given the latents of the puppet (the reference picture carried along the
        bones) and predicts what has to be changed of it.
    reference_keys: in the spatial self-attention every frame also attends to the reference frame.
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

    def __post_init__(self) -> None:
        _check_sizes(self)
        _check_levels(self)
        _check_choice("temporal", self.temporal, get_args(TemporalKind))
        _check_choice("motion_attention", self.motion_attention, get_args(MotionAttention))
        if not 0 <= self.motion_scale <= 1:
            raise InvalidInput(f"motion_scale is {shown(self.motion_scale)}: choose alpha in 0..1.")
        self._check_widths()

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
    def halvings(self) -> int:
        """How often the latents are halved on the way down."""
        return len(self.multipliers) - 1

    @property
    def time_dim(self) -> int:
        """Width of the timestep embedding."""
        return 4 * self.channels

    @property
    def condition_channels(self) -> int:
        """Channels that go beside the noisy latents."""
        pictures = self.concat_channels * (2 if self.separate_conditions else 1)
        return pictures + (self.latent_channels if self.puppet else 0)

    @property
    def reference_channels(self) -> int:
        """Channels of the reference frame that goes in front of the clip."""
        return self.latent_channels + self.condition_channels

    @classmethod
    def released(cls) -> "DenoiserConfig":
        """The network of the released checkpoint (1,818 M parameters, temporal transformer)."""
        return cls(ipi=IpiConfig(interleaves_batch=True))

    @classmethod
    def paper(cls) -> "DenoiserConfig":
        """The network of the paper: bidirectional Mamba over time (section 3.1)."""
        return cls(temporal="mamba")

    @classmethod
    def tiny(cls) -> "DenoiserConfig":
        """A network of about 2 M parameters with every part of the released one, for a laptop's CPU."""
        ipi = IpiConfig(
            width=64, clip_dim=64, encoder_layers=1, encoder_heads=2, encoder_hidden=64,
            resampler_layers=2, resampler_heads=2, resampler_head_dim=32,
        )  # fmt: skip
        return cls(
            channels=32, multipliers=(1, 2, 2), residual_blocks=1, attention_levels=(0, 1), head_dim=16,
            stem_heads=2, norm_groups=16, context_dim=64, text_tokens=4, ipi=ipi,
        )  # fmt: skip

    def with_ipi(self, **changes: Any) -> "DenoiserConfig":
        """Return a copy whose IPI has other settings, such as `variant="clip_query"`."""
        if self.ipi is None:
            raise InvalidInput("This configuration has no IPI to change: start from one that has.")
        return replace(self, ipi=replace(self.ipi, **changes))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DenoiserConfig":
        """Read what `to_dict` wrote; a name or value that does not belong raises InvalidInput."""
        try:
            ipi, mamba = values["ipi"], values["mamba"]
            nested = {
                "multipliers": tuple(values["multipliers"]),
                "attention_levels": tuple(values["attention_levels"]),
                "ipi": None if ipi is None else IpiConfig(**ipi),
                "mamba": MambaConfig(**mamba),
            }
            return cls(**{**values, **nested})
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                f"The denoiser configuration has a missing or unknown entry ({error}): it was written by "
                "another version, so convert the checkpoint again."
            ) from error


PRESETS = {"released": DenoiserConfig.released, "paper": DenoiserConfig.paper, "tiny": DenoiserConfig.tiny}


def _check_sizes(config: "IpiConfig | MambaConfig | DenoiserConfig") -> None:
    for entry in fields(config):
        value = getattr(config, entry.name)
        if entry.type is int:
            require_int(entry.name, value, most=MAX_SIZES.get(entry.name, MAX_SIZE))
        if entry.type is bool and not isinstance(value, bool):
            raise InvalidInput(f"{entry.name} is {shown(value)}: it must be true or false.")
        if entry.name == "dropout" and not 0 <= value < 1:
            raise InvalidInput(f"dropout is {shown(value)}: choose a share of 0 or more and below 1.")


def _check_levels(config: DenoiserConfig) -> None:
    if max(len(config.multipliers), len(config.attention_levels)) > MAX_LEVELS:
        raise InvalidInput(f"multipliers or attention_levels are too many: give {MAX_LEVELS} levels or less.")
    for multiplier in config.multipliers or (None,):
        require_int("each of multipliers", multiplier)
        require_int("a level's width", config.channels * int(multiplier or 1), most=MAX_SIZE)
    for level in config.attention_levels:
        require_int("each of attention_levels", level, least=0, most=MAX_LEVELS)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidInput(
            f"{name} is {shown(value)}, but it must be one of {', '.join(choices)}: choose one of them."
        )
