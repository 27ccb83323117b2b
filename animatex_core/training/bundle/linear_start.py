"""A start for autoencoders on patches of pixels: before any training they are a linear projection.

The projection is onto the principal components of the patches (PCA). What the residual blocks learn is added
to it, so that the autoencoder begins as good as the best linear one of as many channels, and becomes better.

Each component c is carried through the network twice, as c and -c, since SiLU(c) - SiLU(-c) = c. Between them
and their exact values stands the normalisation, which divides by the deviation of a group. So each group that
carries components also holds two constants, STEADY and -STEADY, which are so much larger that they alone make
up its mean and deviation, and the weight of the normalisation takes them out again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...encoders.autoencoder import LATENT_SCALE, AutoencoderConfig

STEADY = 64.0
CERTAIN = -9.0  # log variance of the posterior


@dataclass(frozen=True, eq=False)
class Components:
    """The principal components of patches (n, d) of pixels.

    mean: (d,). basis: (c, d), of length 1. deviations: (c,), of the patches along each of them.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, patches: Tensor, count: int) -> "Components":
        """Return the `count` components along which patches (n, d) differ most."""
        patches = patches.double()
        values, vectors = torch.linalg.eigh(patches.T.cov())
        kept = torch.arange(len(values) - 1, len(values) - 1 - count, -1)
        return cls(patches.mean(0).float(), vectors[:, kept].T.float(), values[kept].sqrt().float())


@torch.no_grad()
def begin_linear(network: Any, config: AutoencoderConfig, components: Components) -> None:
    """Set the weights of an AutoencoderKL of one level in place.

    Its scaled latents then have a mean of 0 and a deviation of 1 in every channel.
    """
    places = _Places(config)
    for side in (network.encoder, network.decoder):
        _pass(side, places)
    into = components.basis / components.deviations[:, None]
    out = components.basis * components.deviations[:, None]
    _carry_in(network.encoder.conv_in, into, -into @ components.mean, places)
    _read_out(network.encoder.conv_out, torch.eye(2 * len(into), len(into)), places)
    _carry_in(network.decoder.conv_in, torch.eye(len(into)), torch.zeros(len(into)), places)
    _read_out(network.decoder.conv_out, out.T, places)
    network.decoder.conv_out.bias.copy_(components.mean)
    _scale(network)


class _Places:
    """Which channels carry what: `carried` (c, 2), each component and its negative; `constants` (g, 2)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        (width,) = config.channels
        self.size = width // config.norm_groups
        pairs = (self.size - 2) // 2
        carried, constants = [], []
        for component in range(config.latent_channels):
            group, pair = divmod(component, pairs)
            first = group * self.size
            carried.append((first + 2 + 2 * pair, first + 3 + 2 * pair))
            constants.append((first, first + 1))
        self.carried, self.constants = torch.tensor(carried), torch.tensor(sorted(set(constants)))
        assert int(self.carried.max()) < width

    @property
    def steadied(self) -> float:
        """Weight of the normalisation that gives the components back as they were."""
        return STEADY * (2 / self.size) ** 0.5


def _pass(side: nn.Module, places: _Places) -> None:
    """Let residual blocks and attention add nothing, and normalisations leave the components as they are."""
    for name, module in side.named_modules():
        if type(module).__name__ == "ResnetBlock2D":
            _zero(module.get_submodule("conv2"))
        elif type(module).__name__ == "Attention":
            _zero(module.get_submodule("to_out.0"))
        if isinstance(module, nn.GroupNorm) and not name.endswith("norm2"):
            module.weight[places.carried.flatten()] = places.steadied


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _carry_in(layer: nn.Conv2d, weight: Tensor, bias: Tensor, places: _Places) -> None:
    """Let a convolution give components, by a weight (c, inputs) and a bias (c,), negatives and constants."""
    assert layer.bias is not None
    for channels, factor in _signs(places.carried):
        layer.weight[channels] = 0.0
        layer.weight[channels, :, 1, 1] = factor * weight
        layer.bias[channels] = factor * bias
    for channels, factor in _signs(places.constants):
        layer.weight[channels] = 0.0
        layer.bias[channels] = factor * STEADY


def _read_out(layer: nn.Conv2d, weight: Tensor, places: _Places) -> None:
    """Let a convolution add up the components by a weight (outputs, c)."""
    _zero(layer)
    for channels, factor in _signs(places.carried):
        layer.weight[:, channels, 1, 1] = factor * weight


def _scale(network: Any) -> None:
    """Pass latents on as Stable Diffusion scales them, and say that they are certain."""
    for layer, factor in ((network.quant_conv, 1 / LATENT_SCALE), (network.post_quant_conv, LATENT_SCALE)):
        _zero(layer)
        count = network.post_quant_conv.weight.shape[1]
        layer.weight[:count, :count, 0, 0] = factor * torch.eye(count)
    network.quant_conv.bias[count:] = CERTAIN


def _signs(pairs: Tensor) -> Iterator[tuple[Tensor, float]]:
    yield pairs[:, 0], 1.0
    yield pairs[:, 1], -1.0
