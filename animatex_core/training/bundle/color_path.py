"""A start for autoencoders: before any training they answer with the mean colour of each latent's pixels.

From random weights such a network spends most of a short training on finding out that colours pass through.
"""

from typing import Any

import torch
from torch import Tensor

FEW = 0.3  # part of the random weights that is left beside the path
CERTAIN = -5.0  # log variance of the posterior at the start
_CENTER = ((1, 1),)
_SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))  # what a halving of diffusers sees of the pixels that it joins


@torch.no_grad()
def begin_with_colors(network: Any) -> None:
    """Set the weights of an AutoencoderKL of diffusers in place.

    Six channels carry red, green, blue and their negatives, of which SiLU(x) - SiLU(-x) = x comes out.
    """
    for side in (network.encoder, network.decoder):
        for module in side.modules():
            _pass(module)
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
    network.quant_conv.bias[channels:] = CERTAIN


def _pass(module: Any) -> None:
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
