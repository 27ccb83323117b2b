"""The implicit pose indicator of the full variant: keypoints ask, CLIP features answer, per latent frame.

Keypoint encoder and resampler are those of Animate-X with one token a frame. What is new is the mixer, a
convolution whose channels are the frames: it maps 81 frames to 21 latent frames and knows no other length.
Clips of other lengths go through it in windows:

- a longer clip in windows of 81 frames that overlap; each begins where a latent frame begins, and where two
  see the same latent frame their tokens are blended by a raised cosine;
- a shorter clip with its last frame repeated to 81 frames, as the release fills up its driving frames; the
  tokens past its end are dropped.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from ..animate_x.config import IpiConfig
from ..animate_x.layers import LayerFactory
from ..animate_x.pose_indicator import Resampler
from ..diffusion.long_clips import Span, overlapping_windows, window_weights
from .config import PlusConfig
from .shapes import TEMPORAL_STRIDE, latent_frames

OVERLAP = 5  # latent frames that two windows have in common at least


class MotionResampler(Resampler):
    """The resampler, the mixer of frames, and the projection to the transformer's width."""

    def __init__(self, layers: LayerFactory, config: PlusConfig, ipi: IpiConfig) -> None:
        super().__init__(layers, ipi)
        self.frames = config.window_frames
        self.proj_conv = layers.conv1d(config.window_frames, config.window_latents, 3, padding=1)
        self.proj_out2 = layers.linear(ipi.width, config.dim)

    def forward(self, source: Tensor, query: Tensor | None) -> Tensor:
        """Map CLIP features (b*frames, 1, clip_dim) and query (b*frames, 1, width) to (b, latents, dim)."""
        features = super().forward(source, query)
        # The kernel slides along the features of a frame.
        mixed = self.proj_conv(rearrange(features, "(b f) 1 c -> b f c", f=self.frames))
        return self.proj_out2(mixed)


def motion_tokens(
    encoder: nn.Module, resampler: MotionResampler, keypoints: Tensor, clip_features: Tensor
) -> Tensor:
    """Return the tokens (b, n + 1, dim) of a clip of any 4n + 1 frames, in windows as said above.

    encoder: a `KeypointEncoder`. keypoints: (b, 4n + 1, 2, 18); clip_features: (b, 4n + 1, clip_dim).
    """
    latents, size = latent_frames(keypoints.shape[1]), latent_frames(resampler.frames)
    spans = overlapping_windows(latents, size, min(OVERLAP, size - 1))
    shares = window_weights(spans).to(keypoints.device, torch.float32)
    tokens: Tensor | None = None
    for span, share in zip(spans, shares, strict=True):
        window = _window(encoder, resampler, keypoints, clip_features, span)
        if len(spans) == 1:
            return window
        if tokens is None:
            tokens = window.new_zeros(window.shape[0], latents, window.shape[2])
        weight = share[span.start : span.stop, None].to(window.dtype)
        tokens[:, span.start : span.stop] += weight * window
    assert tokens is not None
    return tokens


def _window(
    encoder: nn.Module, resampler: MotionResampler, keypoints: Tensor, clip_features: Tensor, span: Span
) -> Tensor:
    begin = span.start * TEMPORAL_STRIDE
    frames = torch.arange(begin, begin + resampler.frames, device=keypoints.device)
    frames = frames.clamp(max=keypoints.shape[1] - 1)
    query = encoder(keypoints[:, frames])
    source = rearrange(clip_features[:, frames], "b f c -> (b f) 1 c")
    return resampler(source, query)[:, : len(span)]
