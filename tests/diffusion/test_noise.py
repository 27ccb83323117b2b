import pytest
import torch
from torch.testing import assert_close

from animatex_core.diffusion.schedule import initial_noise
from animatex_core.errors import InvalidInput

SHAPE = (1, 4, 32, 24, 16)


def test_the_offset_is_drawn_after_the_noise() -> None:
    torch.manual_seed(7)
    noise, offset = torch.randn(SHAPE), torch.randn(1, 4, 32, 1, 1)
    assert torch.equal(initial_noise(SHAPE, seed=7), noise + 0.1 * offset)


def test_without_offset_it_is_standard_normal() -> None:
    noise = initial_noise(SHAPE, seed=0, offset_strength=0)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)


def test_the_offset_is_one_number_for_each_channel_and_frame() -> None:
    offset = initial_noise(SHAPE, seed=0, offset_strength=1) - initial_noise(SHAPE, seed=0, offset_strength=0)
    assert_close(offset, offset[..., :1, :1].expand(SHAPE))
    assert offset[..., 0, 0].std().item() == pytest.approx(1, abs=0.2)


def test_a_seed_pins_the_noise_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    assert torch.equal(initial_noise(SHAPE, seed=3), initial_noise(SHAPE, seed=3))
    assert not torch.equal(initial_noise(SHAPE, seed=3), initial_noise(SHAPE, seed=4))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(1, 4, 1, 1, 1), (2, 4, 3, 2, 2)])
def test_small_clips_and_batches(shape: tuple[int, ...]) -> None:
    noise = initial_noise(shape, seed=2**64 - 1)
    assert noise.shape == shape
    assert noise.dtype == torch.float32


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_of_more_than_64_bits_are_rejected(seed: int) -> None:
    with pytest.raises(InvalidInput, match=f"^seed is {seed}, "):
        initial_noise(SHAPE, seed)
