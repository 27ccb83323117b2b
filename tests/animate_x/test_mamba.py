import numpy as np
import pytest
import torch
from torch import Tensor, nn

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.layers import LayerFactory
from animatex_core.animate_x.part_configs import MambaConfig
from animatex_core.animate_x.temporal import BidirectionalMamba, Mamba, selective_scan


def plain_recurrence(u, delta, a, b, c, d, z):
    """The definition, one number at a time, in float64."""
    batch, channels, frames = u.shape
    y = np.zeros_like(u)
    for n in range(batch):
        for channel in range(channels):
            h = np.zeros(a.shape[1])
            for t in range(frames):
                step = delta[n, channel, t]
                h = np.exp(step * a[channel]) * h + step * b[n, :, t] * u[n, channel, t]
                y[n, channel, t] = c[n, :, t] @ h + d[channel] * u[n, channel, t]
    return y * z / (1 + np.exp(-z))


def scan_arguments(frames: int) -> list[np.ndarray]:
    rng = np.random.default_rng(frames)
    batch, channels, state = 2, 5, 3
    sequence, shared = (batch, channels, frames), (batch, state, frames)
    u, z = rng.standard_normal(sequence), rng.standard_normal(sequence)
    b, c = rng.standard_normal(shared), rng.standard_normal(shared)
    delta, a = rng.uniform(0.01, 2, sequence), -rng.uniform(0.1, 8, (channels, state))
    return [u, delta, a, b, c, rng.standard_normal(channels), z]


@pytest.mark.parametrize("frames", [1, 2, 33, 200])
def test_scan_equals_the_plain_recurrence(frames: int) -> None:
    arguments = scan_arguments(frames)
    fast = selective_scan(*(torch.from_numpy(value).float() for value in arguments))
    np.testing.assert_allclose(fast.numpy(), plain_recurrence(*arguments), atol=1e-5, rtol=1e-5)


def mixer(kind: type[nn.Module], dim: int = 32) -> nn.Module:
    module = kind(LayerFactory(), dim, MambaConfig())
    init_random_weights(module)
    return module


def reach(module: nn.Module, frames: int = 6) -> Tensor:
    """(output frame, input frame): whether a change of the input reaches the output."""
    x = torch.randn(1, frames, 32, generator=torch.Generator().manual_seed(0))
    base, rows = module(x), []
    for frame in range(frames):
        changed = x.clone()
        changed[:, frame] += 1
        rows.append((module(changed) - base).abs().amax(dim=(0, 2)) > 1e-6)
    return torch.stack(rows, dim=1)


def test_one_scan_is_causal() -> None:
    assert torch.equal(reach(mixer(Mamba)), torch.ones(6, 6, dtype=torch.bool).tril())


def test_two_scans_depend_on_all_frames() -> None:
    assert reach(mixer(BidirectionalMamba)).all()


def test_parameters_have_the_shapes_of_mamba_ssm() -> None:
    shapes = {name: tuple(p.shape) for name, p in mixer(Mamba).named_parameters()}
    assert shapes == {
        "in_proj.weight": (128, 32),
        "conv1d.weight": (64, 1, 4),
        "conv1d.bias": (64,),
        "x_proj.weight": (34, 64),
        "dt_proj.weight": (64, 2),
        "dt_proj.bias": (64,),
        "A_log.weight": (64, 16),
        "D.weight": (64, 1),
        "out_proj.weight": (32, 64),
    }
