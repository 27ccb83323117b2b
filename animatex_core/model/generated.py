"""Weights drawn at random, for everything that has to run where no trained ones are."""

import torch
from torch import nn


def generate_weights(module: nn.Module, seed: int = 0) -> None:
    """Fill a module in place so that every part of it matters and activations keep their size.

    Matrices and kernels: N(0, 1 / fan in). Gains of norms: 1 + 0.1 N(0, 1). Other vectors: 0.1 N(0, 1).
    Drawn on the CPU in float32, a seed means the same on every device and in every type, but for rounding.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                values = noise / parameter[0].numel() ** 0.5
            else:
                values = 0.1 * noise + (1 if "norm" in name and name.endswith("weight") else 0)
            parameter.copy_(values)
