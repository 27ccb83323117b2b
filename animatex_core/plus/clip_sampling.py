"""From encoded conditions and a seed to the clean latents of a Wan clip, without a host."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..checks import require_whole
from ..diffusion.denoiser import Denoiser
from ..errors import InvalidInput
from ..progress import Progress, no_progress
from .config import Variant
from .schedule import SHIFT, STEPS, FlowSchedule, euler, rounded_timesteps, with_guidance
from .shape import WanShape
from .teacache import TeaCache
from .wan import WanInputs, predict

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
        require_whole("seed", self.seed, least=0)
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
