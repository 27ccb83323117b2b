"""The noise a clip is made from."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput


def initial_noise(shape: Sequence[int], seed: int, offset_strength: float = 0.1) -> Tensor:
    """Standard normal noise (b, c, f, h, w) plus an offset of every channel and frame, float32 on the CPU.

    The offset (b, c, f, 1, 1), also normal and times `offset_strength`, lets whole frames be bright or dark;
    the release draws it after the noise. Drawn on the CPU, a seed means the same for every device.
    Raises InvalidInput for a seed outside 0..2^64 - 1.
    """
    if not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed}, but it must fit into 64 bits: take 0 to {2**64 - 1}.")
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(*shape, generator=generator, dtype=torch.float32)
    offset = torch.randn(*shape[:3], 1, 1, generator=generator, dtype=torch.float32)
    return noise + offset_strength * offset
