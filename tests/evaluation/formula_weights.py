"""Weights that are computed from their names and shapes, identical on every machine."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

BITS = (1 << 32) - 1


def formula_weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return float32 tensors of the names and shapes, of a size that keeps features near 1."""
    return {name: _values(number, name, tuple(shapes[name])) for number, name in enumerate(sorted(shapes))}


def scattered(count: int, seed: int) -> Tensor:
    """(count,) float64 in -1..1, scattered by an integer hash."""
    mixed = (torch.arange(count) + seed * 1_000_003) * 0x9E3779B1 & BITS
    mixed = (mixed ^ (mixed >> 15)) * 0x85EBCA77 & BITS
    mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE3D & BITS
    return (mixed ^ (mixed >> 16)).double() / 2**31 - 1


def _values(number: int, name: str, shape: tuple[int, ...]) -> Tensor:
    values = scattered(math.prod(shape), number).reshape(shape)
    if len(shape) == 1:  # of a normalisation, or a bias
        centre = 1.0 if name.endswith(("weight", "running_var")) else 0.0
        return (centre + 0.1 * values).float()
    return (values * math.sqrt(6 / math.prod(shape[1:]))).float()
