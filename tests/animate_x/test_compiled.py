"""The denoiser under torch.compile: one graph, which serves videos of all lengths and all timesteps."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch._dynamo as dynamo
from torch import Tensor

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.conditions import Conditions
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from benchmarks.measure import generated_inputs
from tests.support.small_bundles import DENOISER


class CountingBackend:
    """Counts the graphs that torch finds, and runs them as they are."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, module: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        return module.forward


@pytest.fixture(scope="module")
def unet() -> AnimateXUNet:
    dynamo.reset()
    unet = AnimateXUNet(DENOISER).eval().requires_grad_(False)
    init_random_weights(unet, 0)
    return unet


def given(unet: AnimateXUNet, frames: int, timestep: int = 981) -> tuple[Tensor, Tensor, Conditions]:
    shape = ClipShape(64, 64, frames)
    conditions = unet.encode(generated_inputs(DENOISER, shape))
    noise = torch.randn(shape.latents(channels=DENOISER.latent_channels), generator=torch.manual_seed(0))
    return noise, torch.tensor([timestep]), conditions


@torch.no_grad()
def test_one_graph_serves_all_lengths_and_timesteps(unet: AnimateXUNet) -> None:
    dynamo.reset()
    backend = CountingBackend()
    compiled = torch.compile(unet, backend=backend, fullgraph=True)
    counts = []
    for frames, timestep in ((4, 981), (6, 941), (9, 501), (5, 1)):
        inputs = given(unet, frames, timestep)
        torch.testing.assert_close(compiled(*inputs), unet(*inputs))
        counts.append(backend.graphs)
    assert counts == [1, 2, 2, 2]  # the second length makes it general
