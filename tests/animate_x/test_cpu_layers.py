"""The layers that are faster on a CPU compute what torch's do, and stay channels last."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from animatex_core.animate_x.conditions import Conditions
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.cpu_layers import added, linear
from animatex_core.animate_x.layers import TORCH, FeedForward, LayerFactory
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from tests.animate_x.samples import tiny_inputs, tiny_latents, tiny_unet

TIMESTEP = torch.tensor([500])
LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}


def channels_last(*shape: int) -> Tensor:
    return torch.randn(shape).to(memory_format=LAYOUTS[len(shape)])


@pytest.mark.parametrize("shape", [(3, 8), (2, 5, 8), (1, 1, 8)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("gelu", [True, False])
def test_linear_matches_torch(shape: tuple[int, ...], *, bias: bool, gelu: bool) -> None:
    torch.manual_seed(0)
    x, layer = torch.randn(shape), nn.Linear(8, 6, bias=bias)
    with torch.no_grad():
        expected = F.gelu(layer(x)) if gelu else layer(x)
        torch.testing.assert_close(linear(x, layer.weight, layer.bias, gelu=gelu), expected)


def test_linear_follows_autocast() -> None:
    x, weight = torch.randn(3, 8), torch.randn(6, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight, None).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(3, 12, 5, 4), (1, 12, 7, 3), (1, 12, 4, 5, 3)])
def test_group_norm_is_precise_where_means_are_large(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = TORCH.GroupNorm(4, 12)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = channels_last(*shape) + 1000
    expected = F.group_norm(x.double(), 4, layer.weight.double(), layer.bias.double())
    with torch.no_grad():
        found = layer(x)
    torch.testing.assert_close(found, expected.float(), atol=1e-3, rtol=0)  # torch's is 0.5 to 0.8 away
    assert found.is_contiguous(memory_format=LAYOUTS[x.dim()])


CONVOLUTIONS = {
    "pointwise": (lambda: TORCH.Conv2d(8, 6, 1), (2, 8, 4, 3)),
    "pointwise and strided": (lambda: TORCH.Conv2d(8, 6, 1, stride=2), (2, 8, 4, 3)),
    "pointwise and padded": (lambda: TORCH.Conv2d(8, 6, 1, padding=1), (2, 8, 4, 3)),
    "pointwise and grouped": (lambda: TORCH.Conv2d(8, 6, 1, groups=2), (2, 8, 4, 3)),
    "more inputs than weights": (lambda: TORCH.Conv2d(2, 3, 3, padding=1), (2, 2, 6, 5)),
    "more weights than inputs": (lambda: TORCH.Conv2d(32, 16, 3, padding=1), (2, 32, 3, 2)),
    "few pixels for the outputs": (lambda: TORCH.Conv2d(8, 32, 3, padding=1), (2, 8, 3, 2)),
    "strided with few": (lambda: TORCH.Conv2d(8, 32, 3, stride=2, padding=1), (2, 8, 5, 4)),
    "without padding and bias": (lambda: TORCH.Conv2d(8, 64, (2, 3), bias=False), (2, 8, 4, 5)),
    "grouped": (lambda: TORCH.Conv2d(8, 32, 3, padding=1, groups=2), (2, 8, 3, 2)),
    "dilated": (lambda: TORCH.Conv2d(8, 64, 3, padding=2, dilation=2), (2, 8, 3, 2)),
    "padded at one end": (lambda: TORCH.Conv2d(8, 32, 2, padding="same"), (2, 8, 3, 2)),
    "circular": (lambda: TORCH.Conv2d(8, 32, 3, padding=1, padding_mode="circular"), (2, 8, 3, 3)),
    "strided": (lambda: TORCH.Conv2d(32, 16, 3, stride=2, padding=1), (2, 32, 4, 2)),
    "one image": (lambda: TORCH.Conv2d(32, 16, 3, padding=1), (1, 32, 3, 2)),
    "temporal": (lambda: TORCH.Conv3d(2, 3, (3, 1, 1), padding=(1, 0, 0)), (1, 2, 4, 5, 3)),
    "temporal with few pixels for the outputs": (
        lambda: TORCH.Conv3d(8, 32, (3, 1, 1), padding=(1, 0, 0)),
        (2, 8, 3, 2, 1),
    ),
    "temporal with more weights": (
        lambda: TORCH.Conv3d(32, 16, (3, 1, 1), padding=(1, 0, 0)),
        (2, 32, 4, 2, 1),
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_match_torch_and_stay_channels_last(name: str) -> None:
    torch.manual_seed(0)
    make, shape = CONVOLUTIONS[name]
    layer, x = make(), channels_last(*shape)
    plain = getattr(nn, type(layer).__name__)
    with torch.no_grad():
        expected = plain.forward(layer, x.contiguous()) if x.dim() == 4 else reference_3d(layer, x)
        found = layer(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert found.is_contiguous(memory_format=LAYOUTS[x.dim()])
    assert found.stride()[:2] == (found[0].numel(), 1)


def reference_3d(layer: nn.Conv3d, x: Tensor) -> Tensor:
    return F.conv3d(x.contiguous(), layer.weight, layer.bias, layer.stride, layer.padding)


def test_a_pointwise_convolution_of_tokens_matches_torch() -> None:
    torch.manual_seed(0)
    layer, tokens = TORCH.Conv1d(8, 6, 1), torch.randn(2, 5, 8)
    expected = F.conv1d(tokens.transpose(1, 2).contiguous(), layer.weight, layer.bias)
    with torch.no_grad():
        torch.testing.assert_close(layer(tokens.transpose(1, 2)), expected)


def test_a_sum_overwrites_only_what_is_not_recorded() -> None:
    a, b = torch.ones(3), torch.full((3,), 2.0)
    assert torch.equal(added(a, b, into=b), torch.full((3,), 3.0))
    assert torch.equal(b, torch.full((3,), 2.0))
    with torch.no_grad():
        assert added(a, b, into=b) is b
    assert torch.equal(b, torch.full((3,), 3.0))
    assert torch.equal(a, torch.ones(3))


@pytest.mark.parametrize("gated", [True, False])
def test_a_feed_forward_in_chunks_matches_one_at_once(*, gated: bool) -> None:
    torch.manual_seed(0)
    layer, norm = FeedForward(LayerFactory(), 4, gated=gated), nn.LayerNorm(4)
    x = torch.randn(3, 700, 4)
    expected = (layer(norm(x)) + x).detach()
    with torch.no_grad():
        torch.testing.assert_close(layer(x), layer.net(x))
        torch.testing.assert_close(layer.residual(x.clone(), norm), expected)


VARIANTS = {
    "default": {},
    "mamba": {"temporal": "mamba"},
    "parallel": {"motion_attention": "parallel", "motion_scale": 0.5},
    "reference keys": {"reference_keys": True},
    "without IPI": {"ipi": None},
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("batch", [1, 2])
def test_inference_computes_what_training_computes(name: str, batch: int) -> None:
    unet = tiny_unet(replace(DenoiserConfig.tiny(), **VARIANTS[name]))  # type: ignore[arg-type]
    conditions = Conditions.stack([unet.encode(clip) for clip in tiny_inputs(batch=batch).clips()])
    x, timesteps = tiny_latents(batch=batch), TIMESTEP.expand(batch)
    recorded, before = unet(x, timesteps, conditions), x.clone()
    with torch.inference_mode():
        torch.testing.assert_close(unet(x, timesteps, conditions), recorded, atol=1e-5, rtol=1e-5)
        again = unet(x, timesteps, conditions)
        torch.testing.assert_close(again, recorded, atol=1e-5, rtol=1e-5)
    assert torch.equal(x, before)


def copied_share(unet: AnimateXUNet) -> float:
    """Return the values that a forward copies, relative to those that its layers return."""
    shape = ClipShape(128, 192, 16, num_downsamples=2)  # large enough for oneDNN's convolutions
    conditions, x, returned = unet.encode(tiny_inputs(shape)), tiny_latents(shape), [0]

    def count(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        returned[0] += output.numel()

    leaves = [module for module in unet.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(count) for module in leaves]
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        unet(x, TIMESTEP, conditions)
    for hook in hooks:
        hook.remove()
    copies = [event for event in profiler.events() or () if event.name == "aten::copy_"]
    return sum(math.prod(event.input_shapes[0]) for event in copies) / returned[0]


def test_inference_hardly_copies() -> None:
    unet = tiny_unet()
    with torch.inference_mode():
        share = copied_share(unet)
    assert share < 0.05  # measured 0.033
    assert copied_share(unet) > 4 * share  # 0.42 where gradients are recorded: channels first
