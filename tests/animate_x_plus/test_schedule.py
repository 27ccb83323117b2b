import pytest
import torch

from animatex_core.animate_x_plus.sampling import FlowSchedule, euler, rounded_timesteps
from animatex_core.errors import InvalidInput


def test_sigmas_of_few_steps() -> None:
    torch.testing.assert_close(
        FlowSchedule.shifted(4).sigmas, torch.tensor([1, 0.9375, 5 / 6, 0.625, 0]), atol=1e-7, rtol=0
    )
    torch.testing.assert_close(FlowSchedule.shifted(2, shift=1).timesteps, torch.tensor([1000.0, 500.0]))


def test_the_transformer_gets_rounded_timesteps() -> None:
    timesteps = FlowSchedule.shifted().timesteps
    error = (rounded_timesteps(timesteps) - timesteps).abs()
    assert rounded_timesteps(timesteps)[:3].tolist() == [1000, 996, 992]
    assert 1.9 < error.max() < 2


def test_a_constant_velocity_is_integrated_exactly() -> None:
    noise, clip = torch.ones(2, 1, 1, 2, 2), torch.full((2, 1, 1, 2, 2), 3.0)
    told: list[tuple[int, int]] = []
    latents = euler(lambda x, t: noise - clip, noise, FlowSchedule.shifted(7), lambda *d: told.append(d))
    torch.testing.assert_close(latents, clip)
    assert told == [(step + 1, 7) for step in range(7)]


def test_the_latents_keep_the_dtype_of_the_noise() -> None:
    noise = torch.ones(1, 1, 1, 2, 2, dtype=torch.bfloat16)
    assert euler(lambda x, t: x, noise, FlowSchedule.shifted(2)).dtype == torch.bfloat16


@pytest.mark.parametrize(("steps", "shift"), [(0, 5.0), (4, 0.0), (4, -1.0), (4, float("nan"))])
def test_invalid_schedules_are_rejected(steps: int, shift: float) -> None:
    with pytest.raises(InvalidInput):
        FlowSchedule.shifted(steps, shift)
