"""Flow matching, and sampling a Wan video from encoded conditions and a seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..diffusion.solvers import Denoiser
from ..errors import InvalidInput
from ..hub.models_dir import Variant
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_int
from .shapes import WanShape
from .teacache import TeaCache
from .wan.transformer import WanInputs, predict

SHIFT = 5.0
STEPS = 50
TIMESTEPS = 1000


@dataclass(frozen=True, eq=False)
class FlowSchedule:
    """sigmas: (steps + 1,) float32, 1 down to 0; at sigma s the latents are (1 - s) * clip + s * noise."""

    sigmas: Tensor

    @classmethod
    def shifted(cls, steps: int = STEPS, shift: float = SHIFT) -> "FlowSchedule":
        """Return `steps` evenly spaced sigmas, moved towards the noise: shift * u / (1 + (shift - 1) * u).

        Raises InvalidInput unless steps is 1 or more and shift is above 0.
        """
        require_int("steps", steps)
        if not shift > 0:
            raise InvalidInput(f"shift is {shift}, but it must be above 0: take 5, as released.")
        even = torch.linspace(1, 0, steps + 1)
        return cls(shift * even / (1 + (shift - 1) * even))

    @property
    def timesteps(self) -> Tensor:
        """(steps,) float32: what each step's sigma is called, 0..1000."""
        return self.sigmas[:-1] * TIMESTEPS


def rounded_timesteps(timesteps: Tensor) -> Tensor:
    """Return timesteps as the released transformer receives them, rounded to bfloat16, in float32.

    The spacing is 4 above 512. The solver uses the exact ones.
    """
    return timesteps.bfloat16().float()


def with_guidance(conditional: Denoiser, unconditional: Denoiser, scale: float) -> Denoiser:
    """Guide as released: u + scale * (c - u); at scale 1 only the conditional pass runs."""
    if scale == 1:
        return conditional

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        u = unconditional(x, t)
        return u + scale * (conditional(x, t) - u)

    return denoise


def euler(
    denoiser: Denoiser, noise: Tensor, schedule: FlowSchedule, progress: Progress = no_progress
) -> Tensor:
    """Integrate the velocity that a denoiser predicts from noise (b, c, f, h, w) to latents.

    denoiser: called with x and timesteps (b,). The latents keep the type of the noise: the release holds
    them in bfloat16.
    """
    x, steps = noise, len(schedule.timesteps)
    for step, (timestep, (sigma, following)) in enumerate(
        zip(schedule.timesteps, pairwise(schedule.sigmas), strict=True)
    ):
        velocity = denoiser(x, timestep.to(x.device).expand(x.shape[0]))
        x = x + velocity * (following - sigma).item()
        progress(step + 1, steps)
    return x


SEEDS = 2**64  # that torch's generators know
GUIDANCE: dict[Variant, float] = {"full": 3.0, "simple": 5.0}


@dataclass(frozen=True)
class PlusSampling:
    """How to sample; the defaults are those of the simple variant.

    guidance: scale, at which 1 runs the conditional pass alone. shift: of the sigmas towards the noise.
    teacache: threshold below which a step's blocks are skipped, 0.3 where the release has it on, with the
        coefficients of the 720P transformer; None is off.
    """

    steps: int = STEPS
    guidance: float = GUIDANCE["simple"]
    shift: float = SHIFT
    seed: int = 0
    teacache: float | None = None

    def __post_init__(self) -> None:
        _ = self.schedule  # refuses steps and shifts that cannot be
        require_int("seed", self.seed, least=0)
        if self.seed >= SEEDS:
            raise InvalidInput(f"seed is {self.seed}, but there are only 2^64 seeds: take a smaller one.")
        if not math.isfinite(self.guidance) or self.guidance < 0:
            raise InvalidInput(f"guidance is {self.guidance}: take a number of at least 0, such as 5.")
        _ = self.cache()

    @classmethod
    def released(cls, variant: Variant) -> "PlusSampling":
        """As the authors' script of a variant samples."""
        return cls(guidance=GUIDANCE[variant])

    @property
    def schedule(self) -> FlowSchedule:
        """The sigmas of these steps."""
        return FlowSchedule.shifted(self.steps, self.shift)

    def cache(self) -> TeaCache | None:
        """Return a new state of TeaCache for one branch of one run."""
        return None if self.teacache is None else TeaCache(self.steps, self.teacache)


@torch.no_grad()
def sample_clip(
    transformer: nn.Module,
    inputs: WanInputs,
    negative_context: Tensor,
    shape: WanShape,
    settings: PlusSampling,
    progress: Progress = no_progress,
) -> Tensor:
    """Sample the latents (1, 16, f + 1, h, w) of a clip, in the type of the inputs and where they are.

    inputs: of the conditional branch. negative_context: (1, 512, text_dim), of the negative prompt.
    progress: called after every step; whatever it raises stops the sampling at once.
    """
    noise = wan_noise(shape, settings.seed).to(inputs.y)
    branch = partial(_branch, transformer, settings)
    unconditional = inputs.unconditional(negative_context)
    denoiser = with_guidance(branch(inputs), branch(unconditional), settings.guidance)
    return euler(denoiser, noise, settings.schedule, progress)


def wan_noise(shape: WanShape, seed: int) -> Tensor:
    """Draw the noise (1, 16, f + 1, h, w) in float32 on the CPU, as released."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape.latents(), generator=generator)


def _branch(transformer: nn.Module, settings: PlusSampling, inputs: WanInputs) -> Denoiser:
    cache = settings.cache()
    run: Callable[[Tensor, Tensor], Tensor] = partial(_velocity, transformer, inputs, cache)
    return run


def _velocity(
    transformer: nn.Module, inputs: WanInputs, cache: TeaCache | None, x: Tensor, t: Tensor
) -> Tensor:
    return predict(transformer, x, rounded_timesteps(t), inputs, cache)
