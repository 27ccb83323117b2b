"""How latents of a clip lie: ComfyUI's batch of frames (f, c, h, w), the core's clips (1, c, f, h, w)."""

from einops import rearrange
from torch import Tensor


def clip_of(frames: Tensor) -> Tensor:
    """Return a batch of frames as one clip."""
    return rearrange(frames, "f c h w -> 1 c f h w")


def frames_of(clip: Tensor) -> Tensor:
    """Return a clip as a batch of frames."""
    return rearrange(clip, "1 c f h w -> f c h w")
