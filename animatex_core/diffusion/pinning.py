"""Given frames in a video: they are held while the others are sampled around them.

At every step the given latents are noised to the level of the step and put into what the denoiser sees, as in
inpainting by replacement (Lugmayr et al. 2022, RePaint, without its resampling), and into what it predicts.
So its temporal layers continue the given frames. A soft strength mixes both linearly, as a soft noise mask of
ComfyUI does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .schedule import NoiseSchedule
from .solvers import Denoiser


@dataclass(frozen=True, eq=False)
class PinnedLatents:
    """Given frames of a video.

    Attributes:
        latents: Clean latents, (b, c, f, h, w); anything where a frame is free.
        strength: (1 or b, f) in 0..1: 0 is free, 1 exact.

    """

    latents: Tensor
    strength: Tensor

    @property
    def weights(self) -> Tensor:
        """The strength, broadcastable to the latents."""
        return self.strength[:, None, :, None, None]

    def start(self, noise: Tensor, schedule: NoiseSchedule, timestep: int) -> Tensor:
        """Return the initial noise, in which given frames show as faintly as the first timestep allows.

        ComfyUI adds the latents of a masked video to its noise in the same way.
        """
        alpha = schedule.alphas_cumprod[timestep].sqrt().item()
        return noise + alpha * self.latents.to(noise) * (self.weights.to(noise) > 0)

    def restore(self, video: Tensor) -> Tensor:
        """Return sampled latents with exactly the given frames where the strength is 1."""
        exact = self.weights.to(video.device) == 1
        return torch.where(exact, self.latents.to(video), video)


def with_pinned_frames(
    denoise: Denoiser, schedule: NoiseSchedule, pinned: PinnedLatents, noise: Tensor
) -> Denoiser:
    """Hold given frames while the others are denoised. Apply it outside guidance and windows.

    Args:
        denoise: The denoiser of all frames.
        schedule: The schedule that its v refers to.
        pinned: The given frames.
        noise: The initial noise of the video, (b, c, f, h, w), to which they are noised.

    Returns:
        A denoiser of all frames.

    """
    known, weights = pinned.latents.to(noise), pinned.weights.to(noise)

    def predict(x: Tensor, t: Tensor) -> Tensor:
        mixed = torch.lerp(x, schedule.noised(known, noise, t), weights)
        x0 = schedule.x0_from_v(mixed, denoise(mixed, t).to(x.dtype), t)
        return schedule.v_from_x0(x, torch.lerp(x0, known, weights), t)

    return predict
