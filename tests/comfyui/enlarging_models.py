"""Model files that ComfyUI's own loaders take for real ones, with weights whose results can be foretold.

They have the keys of the published files, in fewer channels.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

FACTOR = 4  # of the upscale model
FEATURES, GROWTH, CHANNELS, HEAD = 8, 32, 8, 4  # the growth of a Real-ESRGAN is always 32


def write_upscaler(path: Path) -> None:
    """Write a Real-ESRGAN (RRDBNet of factor 4) that repeats each pixel."""
    weights = dict(_convolution("conv_first", 3, FEATURES, keeps=True))
    for number in range(1, 4):
        for part in range(5):
            wide = FEATURES if part == 4 else GROWTH
            name = f"body.0.rdb{number}.conv{part + 1}"
            weights |= _convolution(name, FEATURES + part * GROWTH, wide)
    weights |= _convolution("conv_body", FEATURES, FEATURES)
    for name in ("conv_up1", "conv_up2", "conv_hr"):
        weights |= _convolution(name, FEATURES, FEATURES, keeps=True)
    weights |= _convolution("conv_last", FEATURES, 3, keeps=True)
    _save(path, weights)


def write_interpolator(path: Path) -> None:
    """Write a RIFE 4 (IFNet) that sees no motion: a frame between two is their mean."""
    weights: dict[str, Tensor] = {}
    for number, (given, wide) in enumerate(((3, 16), (16, 16), (16, 16))):
        weights |= _convolution(f"encode.cnn{number}", given, wide)
    weights |= _transposed("encode.cnn3", 16, HEAD)
    for number in range(5):
        block, given = f"block{number}", 7 + 2 * HEAD if number == 0 else 20 + 2 * HEAD
        weights |= _convolution(f"{block}.conv0.0.0", given, CHANNELS // 2)
        weights |= _convolution(f"{block}.conv0.1.0", CHANNELS // 2, CHANNELS)
        for layer in range(8):
            weights |= _convolution(f"{block}.convblock.{layer}.conv", CHANNELS, CHANNELS)
            weights[f"{block}.convblock.{layer}.beta"] = torch.ones(1, CHANNELS, 1, 1)
        weights |= _transposed(f"{block}.lastconv.0", CHANNELS, 4 * 13)
    _save(path, weights)


def _convolution(name: str, given: int, made: int, *, keeps: bool = False) -> dict[str, Tensor]:
    """Return a 3x3 convolution: zero, or one that keeps the first channels as they are."""
    weight = torch.zeros(made, given, 3, 3)
    for channel in range(min(given, made) if keeps else 0):
        weight[channel, channel, 1, 1] = 1
    return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(made)}


def _transposed(name: str, given: int, made: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.zeros(given, made, 4, 4), f"{name}.bias": torch.zeros(made)}


def _save(path: Path, weights: Mapping[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(weights), path)
