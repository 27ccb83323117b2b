"""Configurations of the denoiser's exchangeable parts: the implicit pose indicator and Mamba."""

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import InvalidInput
from .config_checks import check_choice, check_fields

# A file can contain any sizes; within these the network can be built on the meta device in seconds.
_IPI_LIMITS = {"encoder_layers": 128, "resampler_layers": 128}
_MAMBA_LIMITS = {"kernel": 64, "expand": 64}

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
