"""Flow matching, and sampling a Wan video from encoded conditions and a seed."""

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..diffusion.guidance import Guidance, with_guidance
from ..diffusion.schedule import require_seed
from ..diffusion.solvers import Denoiser
from ..errors import InvalidInput
from ..hub.models_dir import Variant
from ..utils.progress import Progress, no_progress
from ..utils.ranks import ALONE, Ranks
from ..utils.validation import require_int
from .defaults import GUIDANCE, SHIFT, STEPS
from .shapes import WanShape
from .spread import spread_passes
from .teacache import TeaCache
from .wan.transformer import WanInputs, predict
from .wan.ulysses import TokenSplit

TIMESTEPS = 1000


@dataclass(frozen=True, eq=False)
class FlowSchedule:
    """The noise levels of a sampling: at sigma s the latents are (1 - s) * x0 + s * noise.

    Args:
        sigmas: (steps + 1,) float32, from 1 down to 0.

    """

    sigmas: Tensor

    @classmethod
    def shifted(cls, steps: int = STEPS, shift: float = SHIFT) -> "FlowSchedule":
        """Return evenly spaced sigmas u, shifted towards noise: shift * u / (1 + (shift - 1) * u).

        Raises:
            InvalidInput: `steps` is below 1, or `shift` not above 0.

        """
        require_int("steps", steps)
        if not shift > 0:
            raise InvalidInput(f"shift is {shift}, but it must be above 0: use the default, 5.")
        even = torch.linspace(1, 0, steps + 1)
        return cls(shift * even / (1 + (shift - 1) * even))

    @property
    def timesteps(self) -> Tensor:
        """The timestep of every step, (steps,) float32 in 0..1000."""
        return self.sigmas[:-1] * TIMESTEPS


def rounded_timesteps(timesteps: Tensor) -> Tensor:
    """Round timesteps to bfloat16, as the official transformer receives them, and return float32.

    Above 512 they become multiples of 4. The solver uses the exact ones.
    """
    return timesteps.bfloat16().float()


def euler(
    denoiser: Denoiser, noise: Tensor, schedule: FlowSchedule, progress: Progress = no_progress
) -> Tensor:
    """Integrate the predicted velocity from noise to latents with the Euler method.

    Args:
        denoiser: Predicts the velocity of x at timesteps (b,).
        noise: (b, c, f, h, w). The latents keep its dtype, which is bfloat16 in the official code.
        schedule: The noise levels.
        progress: Called after every step.

    Returns:
        Latents like the noise.

    """
    x, steps = noise, len(schedule.timesteps)
    for step, (timestep, (sigma, following)) in enumerate(
        zip(schedule.timesteps, pairwise(schedule.sigmas), strict=True)
    ):
        velocity = denoiser(x, timestep.to(x.device).expand(x.shape[0]))
        x = x + velocity * (following - sigma).item()
        progress(step + 1, steps)
    return x


@dataclass(frozen=True)
class PlusSampling:
    """Settings of the sampling; the defaults are those of the official simple variant.

    Args:
        steps: Number of steps.
        guidance: Scale of classifier-free guidance; at 1 only the conditional pass runs.
        shift: Shift of the sigmas towards noise.
        seed: 0..2^64 - 1.
        teacache: Threshold below which the blocks of a step are skipped, 0.3 where the official code enables
            it, with the coefficients of the 720P transformer; None disables it.

    Raises:
        InvalidInput: A value is out of range.

    """

    steps: int = STEPS
    guidance: float = GUIDANCE["simple"]
    shift: float = SHIFT
    seed: int = 0
    teacache: float | None = None

    def __post_init__(self) -> None:
        # These raise where a value is out of range.
        _ = self.schedule, self.cache(), Guidance(self.guidance)
        require_seed(self.seed)

    @classmethod
    def released(cls, variant: Variant) -> "PlusSampling":
        """Return the settings of the official script of a variant."""
        return cls(guidance=GUIDANCE[variant])

    @property
    def schedule(self) -> FlowSchedule:
        """The noise levels of these steps."""
        return FlowSchedule.shifted(self.steps, self.shift)

    def cache(self) -> TeaCache | None:
        """Return a new TeaCache for one pass of one run, or None."""
        return None if self.teacache is None else TeaCache(self.steps, self.teacache)


@torch.no_grad()
def sample_clip(
    transformer: nn.Module,
    inputs: WanInputs,
    negative_context: Tensor,
    shape: WanShape,
    settings: PlusSampling,
    progress: Progress = no_progress,
    ranks: Ranks = ALONE,
) -> Tensor:
    """Sample the latents of a video.

    Args:
        transformer: Wan's transformer with the LoRA.
        inputs: Inputs of the conditional pass.
        negative_context: Text context of the negative prompt, (1, 512, text_dim).
        shape: Size of the video.
        settings: How to sample.
        progress: Called after every step; may raise to cancel.
        ranks: The processes that sample together, within their `together`.

    Returns:
        (1, 16, f + 1, h, w), on the device and in the dtype of the inputs.

    """
    noise = wan_noise(shape, settings.seed).to(inputs.y)
    passes = inputs, inputs.unconditional(negative_context)
    guidance, denoiser_for = Guidance(settings.guidance), partial(_denoiser, transformer, settings)
    if ranks.size == 1:
        denoiser = with_guidance(denoiser_for(passes[0]), denoiser_for(passes[1]), guidance)
    else:
        heads: int = transformer.config.num_attention_heads  # type: ignore[union-attr,assignment]
        denoiser = spread_passes(denoiser_for, passes, guidance, ranks, math.prod(shape.grid), heads)
    return euler(denoiser, noise, settings.schedule, progress)


def wan_noise(shape: WanShape, seed: int) -> Tensor:
    """Draw the initial noise, (1, 16, f + 1, h, w) float32, on the CPU as the official code does."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape.latents(), generator=generator)


def _denoiser(
    transformer: nn.Module, settings: PlusSampling, inputs: WanInputs, split: TokenSplit | None = None
) -> Denoiser:
    cache = settings.cache()

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return predict(transformer, x, rounded_timesteps(t), inputs, cache, split)

    return velocity
