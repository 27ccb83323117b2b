import pytest
import torch

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.shapes import ClipShape, activation_bytes
from benchmarks.memory import peak_bytes


@pytest.mark.parametrize(
    ("width", "height", "frames", "clips"),
    [(512, 768, 32, 1), (512, 768, 32, 2), (256, 384, 16, 1), (768, 1152, 16, 1)],
)
def test_the_estimate_is_above_what_is_counted_and_near(
    width: int, height: int, frames: int, clips: int
) -> None:
    config, shape = DenoiserConfig.released(), ClipShape(width, height, frames)
    counted = peak_bytes(config, shape, torch.bfloat16, clips)
    estimate = activation_bytes(config, shape, torch.bfloat16, clips)
    assert counted < estimate < 1.4 * counted
