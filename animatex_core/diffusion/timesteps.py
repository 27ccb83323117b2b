"""Which of the timesteps 0..999 a solver visits, from the noisiest down."""

from dataclasses import dataclass
from itertools import pairwise

from ..errors import InvalidInput
from .schedule import TIMESTEPS


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
