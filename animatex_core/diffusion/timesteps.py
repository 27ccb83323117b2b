"""Which of the timesteps 0..999 a solver visits, from the noisiest down."""

from ..errors import InvalidInput
from .schedule import TIMESTEPS


def released_timesteps(steps: int) -> list[int]:
    """Timesteps of the released DDIM: every (1000 // steps)-th up from 1.

    There are at least `steps` of them, often more (31 for 30 steps), and the first is short of 999 (991 for
    30 steps, 1 for one step). Raises InvalidInput outside 1..1000 and where a timestep is 999 or beyond,
    which the release clamps to 999: alpha is zero there, and its formula divides by it.
    """
    if not _has_released_timesteps(steps):
        working = list(filter(_has_released_timesteps, range(1, TIMESTEPS + 1)))
        nearest = [n for n in working if n < steps][-1:] + [n for n in working if n > steps][:1]
        raise InvalidInput(
            f"steps is {steps}, but the released DDIM needs at least 1 step and must not reach timestep "
            f"{TIMESTEPS - 1}, where it divides by zero: take {' or '.join(map(str, nearest))}."
        )
    return list(range(1, TIMESTEPS, TIMESTEPS // steps))[::-1]


def trailing_timesteps(steps: int) -> list[int]:
    """`steps` timesteps evenly down from 999, where the noise is pure (Lin et al. 2023, table 2: trailing).

    Raises InvalidInput outside 1..1000.
    """
    if not 1 <= steps <= TIMESTEPS:
        raise InvalidInput(
            f"steps is {steps}, but there are {TIMESTEPS} timesteps to visit: take 1 to {TIMESTEPS} steps."
        )
    return [round(TIMESTEPS * left / steps) - 1 for left in range(steps, 0, -1)]


def _has_released_timesteps(steps: int) -> bool:
    return 1 <= steps <= TIMESTEPS and max(range(1, TIMESTEPS + 1, TIMESTEPS // steps)) < TIMESTEPS - 1
