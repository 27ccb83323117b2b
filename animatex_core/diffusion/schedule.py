"""The noise schedule, the timesteps that a solver visits, and the initial noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import InvalidInput

TIMESTEPS = 1000
"""Number of timesteps of the training; they run from 0 (almost clean) to 999 (only noise)."""


def alphas_cumprod() -> Tensor:
    """Return alpha_t^2 of Stable Diffusion's schedule with zero terminal SNR, float64 (1000,).

    As in Lin et al. 2023, algorithm 1: the last alpha_t is taken away from all, which are then stretched so
    that the first one stays.
    """
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), TIMESTEPS, dtype=torch.float64) ** 2
    alphas = (1 - betas).cumprod(0).sqrt()
    alphas = (alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])
    return alphas**2


__all__ = ["TIMESTEPS", "NoiseSchedule"]


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """A variance-preserving schedule x_t = alpha_t x0 + sigma_t noise with alpha_t^2 + sigma_t^2 = 1.

    alphas_cumprod: alpha_t^2 of every timestep, float64 (1000,) on the CPU, within 0..1 and falling.

    All methods take latents of shape (b, ...) and timesteps t (b,) int64 on the device of the latents,
    and answer in the latents' own type. v is that of Salimans and Ho (2022): v = alpha noise - sigma x0.
    """

    alphas_cumprod: Tensor

    def __post_init__(self) -> None:
        assert self.alphas_cumprod.shape == (TIMESTEPS,)
        assert self.alphas_cumprod.dtype == torch.float64

    @classmethod
    def released(cls) -> "NoiseSchedule":
        """Return Stable Diffusion's schedule with zero terminal SNR; see `alphas_cumprod`."""
        return cls(alphas_cumprod())

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Clean latents x0 with `noise` (standard normal, same shape) as they are at timesteps t."""
        alpha, sigma = self._scales(t, x0)
        return alpha * x0 + sigma * noise

    def x0_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Clean latents that v implies for x."""
        alpha, sigma = self._scales(t, x)
        return alpha * x - sigma * v

    def eps_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Noise that v implies for x."""
        alpha, sigma = self._scales(t, x)
        return sigma * x + alpha * v

    def v_from_x0(self, x: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        """Return the v that implies x0 for x: the inverse of `x0_from_v`."""
        alpha, sigma = self._scales(t, x)
        return (alpha * x - x0) / sigma

    def v_from_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return the v of clean latents and the noise that is added to them: the target of the training."""
        alpha, sigma = self._scales(t, x0)
        return alpha * noise - sigma * x0

    def _scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma) at t, rooted in float64 (which not every device has), ready to multiply `like`."""
        alphas, sigmas = self.alphas_cumprod.sqrt(), (1 - self.alphas_cumprod).sqrt()
        shape = (-1,) + (1,) * (like.ndim - 1)
        alpha, sigma = (table.to(like.dtype).to(like.device)[t].view(shape) for table in (alphas, sigmas))
        return alpha, sigma


@dataclass(frozen=True)
class Timesteps:
    """The way of a solver.

    visited: where it asks the denoiser, falling, each 0..999; no timestep is no step.
    final: the timestep that the result belongs to, below the others; None where it ends at clean latents.
    Raises InvalidInput for others.
    """

    visited: tuple[int, ...]
    final: int | None = None

    def __post_init__(self) -> None:
        end = () if self.final is None else (self.final,)
        for before, after in pairwise((TIMESTEPS, *self.visited, *end)):
            if not 0 <= after < before:
                raise InvalidInput(
                    f"Timestep {after} follows {before}, but they fall from {TIMESTEPS - 1} or less to 0 or "
                    "more: give them in falling order, each once."
                )

    def __len__(self) -> int:
        return len(self.visited)


def released_timesteps(steps: int, denoise: float = 1.0) -> Timesteps:
    """Timesteps of the released DDIM: every (1000 // steps)-th up from 1, and 0 in the end.

    There are at least `steps` of them, often more (31 for 30 steps), and the first is short of 999 (991 for
    30 steps, 1 for one step). denoise: as in `trailing_timesteps`.
    Raises InvalidInput outside 1..1000 and where a timestep is 999 or beyond, which the release clamps to
    999: alpha is zero there, and its formula divides by it. A part of the way never gets there.
    """
    if denoise == 1:
        _require_released(steps)
    stride = TIMESTEPS // _whole_way(steps, denoise)
    return Timesteps(tuple(range(1, round(TIMESTEPS * denoise), stride))[::-1], final=0)


def trailing_timesteps(steps: int, denoise: float = 1.0) -> Timesteps:
    """`steps` timesteps evenly down from 999, where the noise is pure (Lin et al. 2023, table 2: trailing).

    denoise: 0..1, the part of the way that is left, for latents that are noised so far and no further: the
    last `steps` of steps / denoise in all, as in ComfyUI, and none at 0.
    Raises InvalidInput outside 0..1, and unless steps / denoise is in 1..1000.
    """
    whole = _whole_way(steps, denoise)
    left = range(steps, 0, -1) if denoise else ()
    return Timesteps(tuple(round(TIMESTEPS * n / whole) - 1 for n in left))


def _whole_way(steps: int, denoise: float) -> int:
    if not 0 <= denoise <= 1:
        raise InvalidInput(f"denoise is {denoise}: take 0 (the latents stay) to 1 (all is new).")
    whole = int(steps / denoise) if denoise else steps
    if not 1 <= whole <= TIMESTEPS:
        found = f"steps is {steps}" + ("" if denoise == 1 else f" at a denoise of {denoise}")
        raise InvalidInput(
            f"{found}, but there are {TIMESTEPS} timesteps to visit: take 1 to "
            f"{int(TIMESTEPS * denoise)} steps."
        )
    return whole


def _require_released(steps: int) -> None:
    if not _has_released_timesteps(steps):
        working = list(filter(_has_released_timesteps, range(1, TIMESTEPS + 1)))
        nearest = [n for n in working if n < steps][-1:] + [n for n in working if n > steps][:1]
        raise InvalidInput(
            f"steps is {steps}, but the released DDIM needs at least 1 step and must not reach timestep "
            f"{TIMESTEPS - 1}, where it divides by zero: take {' or '.join(map(str, nearest))}."
        )


def _has_released_timesteps(steps: int) -> bool:
    return 1 <= steps <= TIMESTEPS and max(range(1, TIMESTEPS + 1, TIMESTEPS // steps)) < TIMESTEPS - 1


def initial_noise(shape: Sequence[int], seed: int, offset_strength: float = 0.1) -> Tensor:
    """Standard normal noise (b, c, f, h, w) plus an offset of every channel and frame, float32 on the CPU.

    The offset (b, c, f, 1, 1), also normal and times `offset_strength`, lets whole frames be bright or dark;
    the release draws it after the noise. Drawn on the CPU, a seed means the same for every device.
    Raises InvalidInput for a seed outside 0..2^64 - 1.
    """
    if not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed}, but it must fit into 64 bits: take 0 to {2**64 - 1}.")
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(*shape, generator=generator, dtype=torch.float32)
    offset = torch.randn(*shape[:3], 1, 1, generator=generator, dtype=torch.float32)
    return noise + offset_strength * offset
