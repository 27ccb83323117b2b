"""Initial weights of autoencoders: a linear projection of patches, or the mean colour of each cell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...encoders.autoencoder import LATENT_SCALE, AutoencoderConfig

FEW = 0.3  # part of the random weights that is left beside the path
COLOR_LOG_VARIANCE = -5.0  # log variance of the posterior at the start
_CENTER = ((1, 1),)
_SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))  # what a halving of diffusers sees of the pixels that it joins


@torch.no_grad()
def init_color_passthrough(network: Any) -> None:
    """Set the weights of an AutoencoderKL of diffusers in place.

    Six channels carry red, green, blue and their negatives, of which SiLU(x) - SiLU(-x) = x comes out.
    """
    for side in (network.encoder, network.decoder):
        for module in side.modules():
            _pass_colors(module)
        for color in range(3):
            for sign in (1, -1):
                channel = color + (0 if sign == 1 else 3)
                side.conv_in.weight[channel] = 0.0
                side.conv_in.weight[channel, color, 1, 1] = sign
                side.conv_in.bias[channel] = 0.0
            side.conv_out.weight[color] = 0.0
            side.conv_out.weight[color, color, 1, 1] = 1.0
            side.conv_out.weight[color, color + 3, 1, 1] = -1.0
    for mixing in (network.quant_conv, network.post_quant_conv):
        _carry(mixing.weight, ((0, 0),))
    channels = network.post_quant_conv.weight.shape[1]
    network.quant_conv.weight[channels:] = 0.0
    network.quant_conv.bias[channels:] = COLOR_LOG_VARIANCE


def _pass_colors(module: Any) -> None:
    """Let a block of the network pass on what it gets."""
    kind = type(module).__name__
    if kind == "ResnetBlock2D":
        module.conv2.weight.zero_()
        module.conv2.bias.zero_()
        if module.conv_shortcut is not None:
            _carry(module.conv_shortcut.weight, ((0, 0),))
    elif kind == "Attention":
        module.to_out[0].weight.zero_()
        module.to_out[0].bias.zero_()
    elif kind in ("Downsample2D", "Upsample2D"):
        _carry(module.conv.weight, _SQUARE if kind == "Downsample2D" else _CENTER)


def _carry(weight: Tensor, taps: tuple[tuple[int, int], ...]) -> None:
    weight *= FEW
    for channel in range(min(weight.shape[:2])):
        for row, column in taps:
            weight[channel, channel, row, column] += 1 / len(taps)


STEADY = 64.0
LINEAR_LOG_VARIANCE = -9.0  # log variance of the posterior


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
def init_linear_projection(network: Any, config: AutoencoderConfig, components: Components) -> None:
    """Set the weights of an AutoencoderKL of one level in place.

    Its scaled latents then have a mean of 0 and a deviation of 1 in every channel.
    """
    places = _Places(config)
    for side in (network.encoder, network.decoder):
        _pass_components(side, places)
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


def _pass_components(side: nn.Module, places: _Places) -> None:
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
    network.quant_conv.bias[count:] = LINEAR_LOG_VARIANCE


def _signs(pairs: Tensor) -> Iterator[tuple[Tensor, float]]:
    yield pairs[:, 0], 1.0
    yield pairs[:, 1], -1.0
