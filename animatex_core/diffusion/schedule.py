"""The noise schedule, the timesteps that a solver visits, and the initial noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..utils.validation import short_repr

TIMESTEPS = 1000
"""Number of training timesteps, from 0 (almost clean) to 999 (pure noise)."""

SEEDS = 2**64
"""Number of seeds of torch's generators."""


def alphas_cumprod() -> Tensor:
    """Return alpha_t^2 of Stable Diffusion's schedule, rescaled to zero terminal SNR.

    Lin et al. 2023, algorithm 1: the last alpha_t is subtracted from all, which are then scaled so that the
    first one keeps its value.

    Returns:
        (1000,) float64, decreasing to 0.

    """
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), TIMESTEPS, dtype=torch.float64) ** 2
    alphas = (1 - betas).cumprod(0).sqrt()
    alphas = (alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])
    return alphas**2


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """A variance-preserving schedule x_t = alpha_t x0 + sigma_t noise with alpha_t^2 + sigma_t^2 = 1.

    All methods take latents (b, ...) and timesteps t (b,) int64 on the device of the latents, and return
    the dtype of the latents. v is that of Salimans and Ho (2022): v = alpha noise - sigma x0.

    Args:
        alphas_cumprod: alpha_t^2 of every timestep, (1000,) float64 on the CPU, in 0..1 and decreasing.

    """

    alphas_cumprod: Tensor

    def __post_init__(self) -> None:
        assert self.alphas_cumprod.shape == (TIMESTEPS,)
        assert self.alphas_cumprod.dtype == torch.float64

    @classmethod
    def released(cls) -> "NoiseSchedule":
        """Return the schedule of Animate-X: Stable Diffusion's with zero terminal SNR."""
        return cls(alphas_cumprod())

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Add noise (standard normal, shape of x0) to clean latents x0, up to timesteps t."""
        alpha, sigma = self.scales(t, x0)
        return alpha * x0 + sigma * noise

    def x0_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Return the clean latents that v implies for noisy latents x."""
        alpha, sigma = self.scales(t, x)
        return alpha * x - sigma * v

    def eps_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Return the noise that v implies for noisy latents x."""
        alpha, sigma = self.scales(t, x)
        return sigma * x + alpha * v

    def v_from_x0(self, x: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        """Return the v that implies x0 for noisy latents x: the inverse of `x0_from_v`."""
        alpha, sigma = self.scales(t, x)
        return (alpha * x - x0) / sigma

    def v_from_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return the v of clean latents and the noise added to them: the training target."""
        alpha, sigma = self.scales(t, x0)
        return alpha * noise - sigma * x0

    def scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return (alpha, sigma) at t in the dtype of the latents `like`, broadcastable to them."""
        # Not every device has float64, so the roots are taken on the CPU.
        alphas, sigmas = self.alphas_cumprod.sqrt(), (1 - self.alphas_cumprod).sqrt()
        shape = (-1,) + (1,) * (like.ndim - 1)
        alpha, sigma = (table.to(like.dtype).to(like.device)[t].view(shape) for table in (alphas, sigmas))
        return alpha, sigma


@dataclass(frozen=True)
class Timesteps:
    """The timesteps of a sampling.

    Args:
        visited: Where the denoiser is evaluated, each 0..999, decreasing; may be empty.
        final: The timestep of the result, below the visited ones; None where the result is clean latents.

    Raises:
        InvalidInput: The timesteps do not decrease or are out of range.

    """

    visited: tuple[int, ...]
    final: int | None = None

    def __post_init__(self) -> None:
        end = () if self.final is None else (self.final,)
        for before, after in pairwise((TIMESTEPS, *self.visited, *end)):
            if not 0 <= after < before:
                raise InvalidInput(
                    f"Timestep {after} follows {before}, but timesteps must decrease within 0 to "
                    f"{TIMESTEPS - 1}: list each once, in falling order."
                )

    def __len__(self) -> int:
        return len(self.visited)


def released_timesteps(steps: int, denoise: float = 1.0) -> Timesteps:
    """Return the timesteps of the official DDIM: every (1000 // steps)-th one up from 1, ending at 0.

    There are at least `steps` of them, often more (31 for 30 steps), and the first one is below 999 (991
    for 30 steps, 1 for one step).

    Args:
        steps: Requested number of steps, 1..1000.
        denoise: As in `trailing_timesteps`.

    Returns:
        The timesteps, with `final` 0.

    Raises:
        InvalidInput: An argument is out of range, or a timestep would be 999 or beyond. The official code
            clamps those to 999, where alpha is zero and its formula divides by it. With `denoise` below 1
            the timesteps never reach it.

    """
    if denoise == 1:
        _require_released(steps)
    stride = TIMESTEPS // _total_steps(steps, denoise)
    return Timesteps(tuple(range(1, round(TIMESTEPS * denoise), stride))[::-1], final=0)


def trailing_timesteps(steps: int, denoise: float = 1.0) -> Timesteps:
    """Return evenly spaced timesteps down from 999, pure noise (Lin et al. 2023, table 2: trailing).

    Args:
        steps: Number of steps; steps / denoise must be in 1..1000.
        denoise: Denoising strength, 0..1. Below 1 these are the last `steps` of steps / denoise in total,
            as in ComfyUI; at 0 there are none.

    Returns:
        `steps` timesteps, ending at clean latents.

    Raises:
        InvalidInput: An argument is out of range.

    """
    total = _total_steps(steps, denoise)
    left = range(steps, 0, -1) if denoise else ()
    return Timesteps(tuple(round(TIMESTEPS * n / total) - 1 for n in left))


def _total_steps(steps: int, denoise: float) -> int:
    if not 0 <= denoise <= 1:
        raise InvalidInput(
            f"denoise is {denoise}, but it must be in 0..1: use 0 to keep the latents, 1 to regenerate them."
        )
    total = int(steps / denoise) if denoise else steps
    if not 1 <= total <= TIMESTEPS:
        found = f"steps is {steps}" + ("" if denoise == 1 else f" at a denoise of {denoise}")
        raise InvalidInput(
            f"{found}, but the schedule has {TIMESTEPS} timesteps: use 1 to {int(TIMESTEPS * denoise)} steps."
        )
    return total


def _require_released(steps: int) -> None:
    if not _has_released_timesteps(steps):
        working = list(filter(_has_released_timesteps, range(1, TIMESTEPS + 1)))
        nearest = [n for n in working if n < steps][-1:] + [n for n in working if n > steps][:1]
        raise InvalidInput(
            f"steps is {steps}, but the official DDIM needs at least 1 step and must not reach timestep "
            f"{TIMESTEPS - 1}, where it divides by zero: use {' or '.join(map(str, nearest))}."
        )


def _has_released_timesteps(steps: int) -> bool:
    return 1 <= steps <= TIMESTEPS and max(range(1, TIMESTEPS + 1, TIMESTEPS // steps)) < TIMESTEPS - 1


def require_seed(seed: object) -> None:
    """Raise InvalidInput unless a seed is a whole number in 0..2^64 - 1."""
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= int(seed) < SEEDS:
        raise InvalidInput(
            f"seed is {short_repr(seed)}, but it must be a whole number that fits into 64 bits: use 0 to "
            "2^64 - 1."
        )


def initial_noise(shape: Sequence[int], seed: int, offset_strength: float = 0.1) -> Tensor:
    """Draw the initial noise on the CPU, so that a seed gives the same noise for every device.

    Standard normal noise plus an offset (b, c, f, 1, 1), also normal, that lets whole frames be bright or
    dark. The official code draws the offset after the noise.

    Args:
        shape: (b, c, f, h, w).
        seed: 0..2^64 - 1.
        offset_strength: Factor of the offset.

    Returns:
        Noise of that shape, float32.

    Raises:
        InvalidInput: The seed is out of range.

    """
    require_seed(seed)
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(*shape, generator=generator, dtype=torch.float32)
    offset = torch.randn(*shape[:3], 1, 1, generator=generator, dtype=torch.float32)
    return noise + offset_strength * offset
