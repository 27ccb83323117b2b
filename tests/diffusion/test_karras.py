import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.karras import KarrasSigmas, noise_scale
from animatex_core.diffusion.schedule import NoiseSchedule, Timesteps, released_timesteps, trailing_timesteps
from animatex_core.errors import AnimateXWarning, InvalidInput
from tests.diffusion.toy import SCHEDULE, TOY, noise

# As ComfyUI keeps it: in float32, with another number where alpha is zero.
ALPHAS = torch.cat([SCHEDULE.alphas_cumprod[:-1], torch.tensor([4.8973451890853435e-08])])
SIGMAS = ((1 - ALPHAS) / ALPHAS).sqrt().float()
TABLE = KarrasSigmas(tuple(SIGMAS.tolist()))


def toy_predictor(y: Tensor, sigma: float) -> Tensor:
    """The clean latents that the toy denoiser means, in the other notation."""
    timestep = torch.tensor([TABLE.timestep(sigma)])
    x = y / noise_scale(sigma)
    return x / noise_scale(sigma) - TOY(x, timestep) * sigma / noise_scale(sigma)


def test_the_schedule_is_bit_identical_to_the_official_one() -> None:
    assert torch.equal(TABLE.schedule.alphas_cumprod, NoiseSchedule.released().alphas_cumprod)


def test_another_schedule_is_kept() -> None:
    other = KarrasSigmas(tuple((SIGMAS * 0.5).tolist()))
    assert_close(other.schedule.alphas_cumprod[500], 1 / (1 + (SIGMAS[500].double() / 2) ** 2))


@pytest.mark.parametrize("length", [0, 50, 1001])
def test_tables_of_another_length_are_rejected(length: int) -> None:
    with pytest.raises(InvalidInput, match=f"has {length} timesteps"):
        KarrasSigmas((1.0,) * length)


def test_every_sigma_of_the_table_is_its_own_timestep() -> None:
    assert [TABLE.timestep(sigma) for sigma in TABLE.sigmas] == list(range(1000))


@pytest.mark.parametrize(("sigma", "timestep"), [(1e-9, 0), (1e9, 999), (1e300, 999)])
def test_sigmas_outside_the_table_are_clamped(sigma: float, timestep: int) -> None:
    assert TABLE.timestep(sigma) == timestep


@pytest.mark.parametrize(("nearer", "timestep"), [(0.49, 500), (0.51, 501)])
def test_between_timesteps_the_nearest_in_ratio_counts(nearer: float, timestep: int) -> None:
    low, high = TABLE.sigmas[500:502]
    assert TABLE.timestep(low ** (1 - nearer) * high**nearer) == timestep


@pytest.mark.parametrize(
    "way",
    [
        released_timesteps(30),
        trailing_timesteps(7),
        released_timesteps(10, 0.3),
        Timesteps((999, 500), 300),
        Timesteps((), 40),
        Timesteps((0,)),
        Timesteps(()),
    ],
)
def test_timesteps_round_trip_through_sigmas(way: Timesteps) -> None:
    assert TABLE.timesteps(TABLE.for_timesteps(way)) == way


@pytest.mark.parametrize(
    ("sigmas", "way"),
    [
        ([5000.0, 4999.0, 1.0, 0.0], Timesteps((999, 337))),
        ([1.0, 1.0, 0.5, 0.5], Timesteps((337,), 160)),
        ([0.0, 0.0], Timesteps(())),
        ([1e-3, 0.0, 0.0], Timesteps((0,))),
    ],
)
def test_steps_at_the_same_timestep_are_merged_with_a_warning(sigmas: list[float], way: Timesteps) -> None:
    with pytest.warns(AnimateXWarning, match=f"have {len(sigmas) - 1} steps.* takes {len(way)} steps"):
        assert TABLE.timesteps(sigmas) == way


@pytest.mark.parametrize(
    "sigmas", [[], [0.5, 1.0], [1.0, -1.0], [math.nan], [1.0, math.nan, 0.0], [-1.0], [math.inf]]
)
def test_sigmas_that_do_not_decrease_are_rejected(sigmas: list[float]) -> None:
    with pytest.raises(InvalidInput, match="SIGMAS are empty, or do not decrease"):
        TABLE.timesteps(sigmas)


@pytest.mark.parametrize("timestep", [0, 1, 34, 500, 998, 999])
def test_a_denoiser_round_trips_through_the_other_notation(timestep: int) -> None:
    x, t = noise(2, 4, 3, 2, 2), torch.tensor([timestep] * 2)
    assert_close(TABLE.denoiser(toy_predictor)(x, t), TOY(x, t), rtol=0, atol=1e-5)
