"""What a denoiser is here: a callable. Guidance, windows and pinned frames wrap one and give one back."""

from collections.abc import Callable

from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""(noisy latents x (b, c, f, h, w), timesteps t (b,) int64 in 0..999) -> v like x, in any float type."""
