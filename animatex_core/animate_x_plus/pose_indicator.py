"""The implicit pose indicator of the full variant: keypoint queries over CLIP features per latent frame.

Keypoint encoder and resampler are those of Animate-X with one token per frame. The frame mixer is new: a
convolution whose channels are the frames. It maps 81 frames to 21 latent frames and supports no other length.
Videos of other lengths are processed in windows:

- a longer one in overlapping windows of 81 frames, each starting with a latent frame. Where two windows share
  a latent frame, their tokens are blended by a raised cosine;
- a shorter one with its last frame repeated to 81 frames, as the official code pads driving frames. Tokens
  past its end are dropped.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from ..animate_x.layers import LayerFactory
from ..animate_x.part_configs import IpiConfig
from ..animate_x.pose_indicator import Resampler
from ..diffusion.long_clips import Span, overlapping_windows, window_weights
from .config import PlusConfig
from .shapes import TEMPORAL_STRIDE, latent_frames

OVERLAP = 5  # minimum number of latent frames that two windows share


class MotionResampler(Resampler):
    """The resampler, the frame mixer, and the projection to the transformer's width."""

    def __init__(self, layers: LayerFactory, config: PlusConfig, ipi: IpiConfig) -> None:
        super().__init__(layers, ipi)
        self.frames = config.window_frames
        self.proj_conv = layers.conv1d(config.window_frames, config.window_latents, 3, padding=1)
        self.proj_out2 = layers.linear(ipi.width, config.dim)

    def forward(self, source: Tensor, query: Tensor | None) -> Tensor:
        """Map CLIP features (b*frames, 1, clip_dim) and query (b*frames, 1, width) to (b, latents, dim)."""
        features = super().forward(source, query)
        # The frames are the channels: the kernel slides along the features of a frame.
        mixed = self.proj_conv(rearrange(features, "(b f) 1 c -> b f c", f=self.frames))
        return self.proj_out2(mixed)


def motion_tokens(
    encoder: nn.Module, resampler: MotionResampler, keypoints: Tensor, clip_features: Tensor
) -> Tensor:
    """Compute the motion tokens of a video of 4n + 1 frames, in windows.

    Args:
        encoder: A `KeypointEncoder`.
        resampler: The resampler with the frame mixer.
        keypoints: (b, 4n + 1, 2, 18).
        clip_features: (b, 4n + 1, clip_dim).

    Returns:
        (b, n + 1, dim).

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
