"""Initial weights of autoencoders: pass the mean colour of each cell, or project patches linearly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...encoders.autoencoder import LATENT_SCALE, AutoencoderConfig

RANDOM_WEIGHT_SCALE = 0.3  # scale of the random weights that remain beside the colour path
COLOR_LOG_VARIANCE = -5.0  # initial log variance of the posterior
CONSTANT_CHANNEL_VALUE = (
    64.0  # value of the constant channels that keep group normalisation from changing the components
)
LINEAR_LOG_VARIANCE = -9.0  # log variance of the posterior

_CENTER = ((1, 1),)
_SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))  # the taps of diffusers' downsampling that cover the merged pixels


@torch.no_grad()
def init_color_passthrough(network: Any) -> None:
    """Initialise a diffusers AutoencoderKL, in place, so that colours pass through it.

    Six channels carry red, green, blue and their negatives, because SiLU(x) - SiLU(-x) = x.
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
    """Initialise a block as an identity."""
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
    weight *= RANDOM_WEIGHT_SCALE
    for channel in range(min(weight.shape[:2])):
        for row, column in taps:
            weight[channel, channel, row, column] += 1 / len(taps)


@dataclass(frozen=True, eq=False)
class Components:
    """The principal components of pixel patches (n, d).

    Attributes:
        mean: (d,), mean patch.
        basis: (c, d), unit vectors.
        deviations: (c,), standard deviation of the patches along each of them.

    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, patches: Tensor, count: int) -> "Components":
        """Return the `count` components with the largest variance of patches (n, d)."""
        patches = patches.double()
        values, vectors = torch.linalg.eigh(patches.T.cov())
        kept = torch.arange(len(values) - 1, len(values) - 1 - count, -1)
        return cls(patches.mean(0).float(), vectors[:, kept].T.float(), values[kept].sqrt().float())


@torch.no_grad()
def init_linear_projection(network: Any, config: AutoencoderConfig, components: Components) -> None:
    """Initialise an AutoencoderKL of one level, in place, as a linear projection onto components.

    Args:
        network: The diffusers AutoencoderKL.
        config: Its configuration.
        components: Components of the patches. The scaled latents have mean 0 and standard deviation 1 per
            channel.

    """
    layout = _ChannelLayout(config)
    for side in (network.encoder, network.decoder):
        _pass_components(side, layout)
    into = components.basis / components.deviations[:, None]
    out = components.basis * components.deviations[:, None]
    _carry_in(network.encoder.conv_in, into, -into @ components.mean, layout)
    rotation = _rotation(len(into))
    _read_out(network.encoder.conv_out, torch.cat([rotation, rotation]), layout)
    _carry_in(network.decoder.conv_in, rotation.T, torch.zeros(len(into)), layout)
    _read_out(network.decoder.conv_out, out.T, layout)
    network.decoder.conv_out.bias.copy_(components.mean)
    _scale(network, rotation)


class _ChannelLayout:
    """Assignment of channels: `carried` (c, 2), each component and its negative; `constants` (g, 2)."""

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
    def norm_weight(self) -> float:
        """Weight of the group normalisation with which it leaves the components unchanged."""
        return CONSTANT_CHANNEL_VALUE * (2 / self.size) ** 0.5


def _pass_components(side: nn.Module, layout: _ChannelLayout) -> None:
    """Make residual blocks and attention add zero, and normalisation leave the components unchanged."""
    for name, module in side.named_modules():
        if type(module).__name__ == "ResnetBlock2D":
            _zero(module.get_submodule("conv2"))
        elif type(module).__name__ == "Attention":
            _zero(module.get_submodule("to_out.0"))
        if isinstance(module, nn.GroupNorm) and not name.endswith("norm2"):
            module.weight[layout.carried.flatten()] = layout.norm_weight


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _carry_in(layer: nn.Conv2d, weight: Tensor, bias: Tensor, layout: _ChannelLayout) -> None:
    """Make a convolution output components (weight (c, inputs), bias (c,)), negatives and constants."""
    assert layer.bias is not None
    for channels, factor in _signs(layout.carried):
        layer.weight[channels] = 0.0
        layer.weight[channels, :, 1, 1] = factor * weight
        layer.bias[channels] = factor * bias
    for channels, factor in _signs(layout.constants):
        layer.weight[channels] = 0.0
        layer.bias[channels] = factor * CONSTANT_CHANNEL_VALUE


def _read_out(layer: nn.Conv2d, weight: Tensor, layout: _ChannelLayout) -> None:
    """Make a convolution output a linear combination of the components with weight (outputs, c)."""
    _zero(layer)
    for channels, factor in _signs(layout.carried):
        layer.weight[:, channels, 1, 1] = factor * weight


def _rotation(count: int) -> Tensor:
    """Return an orthogonal matrix (c, c) for the layers next to the latents, which is undone there.

    Identity matrices would be long runs of zeros in a file, as in an unfinished download.
    """
    return torch.linalg.qr(torch.randn(count, count, generator=torch.Generator().manual_seed(0)))[0]


def _scale(network: Any, rotation: Tensor) -> None:
    """Scale latents as Stable Diffusion does, undo the rotation, and give the posterior a small variance."""
    count = len(rotation)
    for layer, weight in (
        (network.quant_conv, rotation.T / LATENT_SCALE),
        (network.post_quant_conv, rotation * LATENT_SCALE),
    ):
        _zero(layer)
        layer.weight[:count, :count, 0, 0] = weight
    variance = torch.randn(count, 2 * count, generator=torch.Generator().manual_seed(1))
    network.quant_conv.weight[count:, :, 0, 0] = 1e-3 * variance
    network.quant_conv.bias[count:] = LINEAR_LOG_VARIANCE


def _signs(pairs: Tensor) -> Iterator[tuple[Tensor, float]]:
    yield pairs[:, 0], 1.0
    yield pairs[:, 1], -1.0
