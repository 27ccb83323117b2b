"""Configuration of the denoiser: sizes, presets and the paper's ablations."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from ..errors import InvalidInput
from ..utils.validation import short_repr
from .config_checks import check_choice, check_fields, check_levels

# A file can contain any sizes; within these the network can be built on the meta device in seconds.
_IPI_LIMITS = {"encoder_layers": 128, "resampler_layers": 128}
_MAMBA_LIMITS, _UNET_LIMITS = {"kernel": 64, "expand": 64}, {"residual_blocks": 16}

TemporalKind = Literal["transformer", "mamba"]
MotionAttention = Literal["residual", "parallel"]
IpiVariant = Literal["full", "no_learnable_query", "no_keypoint_query", "clip_query"]


@dataclass(frozen=True)
class IpiConfig:
    """The implicit pose indicator, IPI (paper, section 3.2).

    Args:
        width: Width of the keypoint encoder and the resampler.
        joints: Keypoints per frame.
        tokens: Tokens per frame that the motion attention attends to.
        clip_dim: Width of the CLIP features.
        encoder_layers: Layers of the keypoint encoder, which has `encoder_heads` heads and `encoder_hidden`
            hidden features in its feed-forward.
        resampler_layers: Layers of the resampler, with `resampler_heads` of `resampler_head_dim` each.
        dropout: Dropout of the keypoint encoder.
        variant: The paper's ablation. "no_learnable_query" and "no_keypoint_query" drop one of the two
            summands of the query; "clip_query" (KV_Q) uses CLIP features as queries over the keypoints. For
            no IPI at all use `DenoiserConfig(ipi=None)`.
        interleaves_batch: The official keypoint encoder reads its (frames, batch) output as (batch, frames).
            This mixes the videos of a batch, and has no effect on a single one, as the official code
            samples. True reproduces it, False is the intended computation.

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
        check_fields(self, _IPI_LIMITS)
        check_choice("ipi.variant", self.variant, get_args(IpiVariant))
        if self.width % self.encoder_heads:
            raise InvalidInput(f"ipi.width {self.width} cannot be split into {self.encoder_heads} heads.")

    @classmethod
    def tiny(cls) -> "IpiConfig":
        """Return a small indicator with every part of the official one, for tests."""
        return cls(
            width=64,
            clip_dim=64,
            encoder_layers=1,
            encoder_heads=2,
            encoder_hidden=64,
            resampler_layers=2,
            resampler_heads=2,
            resampler_head_dim=32,
        )

    @property
    def uses_keypoint_query(self) -> bool:
        """Whether the keypoints are encoded."""
        return self.variant != "no_keypoint_query"

    @property
    def uses_learned_query(self) -> bool:
        """Whether the resampler has learned latents."""
        return self.variant != "no_learnable_query"


@dataclass(frozen=True)
class MambaConfig:
    """Sizes of the selective state space model (Mamba) that can replace temporal attention."""

    state: int = 16
    kernel: int = 4
    expand: int = 2
    bidirectional: bool = True

    def __post_init__(self) -> None:
        check_fields(self, _MAMBA_LIMITS)


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
        check_fields(self, _UNET_LIMITS)
        check_levels(self.multipliers, self.attention_levels, self.channels)
        check_choice("temporal", self.temporal, get_args(TemporalKind))
        check_choice("motion_attention", self.motion_attention, get_args(MotionAttention))
        if not 0 <= self.motion_scale <= 1:
            raise InvalidInput(f"motion_scale is {short_repr(self.motion_scale)}: choose alpha in 0..1.")
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
    def num_downsamples(self) -> int:
        """Number of times that height and width are halved."""
        return len(self.multipliers) - 1

    @property
    def time_dim(self) -> int:
        """Width of the timestep embedding."""
        return 4 * self.channels

    @property
    def condition_channels(self) -> int:
        """Channels concatenated to the noisy latents."""
        images = self.concat_channels * (2 if self.separate_conditions else 1)
        return images + (self.latent_channels if self.puppet else 0)

    @property
    def reference_channels(self) -> int:
        """Channels of the reference frame, which is prepended to the video."""
        return self.latent_channels + self.condition_channels

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
