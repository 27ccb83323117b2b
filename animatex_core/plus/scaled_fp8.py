"""Weights that files for ComfyUI keep in eight bits beside a scale, as plain ones."""

from collections.abc import Mapping

import torch
from torch import Tensor

_WEIGHT, _SCALE, _INPUT_SCALE = ".weight", ".scale_weight", ".scale_input"
_MARKER = "scaled_fp8"


def unscaled(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Multiply every weight that has a scale by it, as `dtype`; other tensors are the same objects.

    Eight bits without scales need nothing but another type. Scales of inputs are for multiplying in eight
    bits, which nobody does here. It saves disk and download, not memory.
    """
    plain: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if key == _MARKER or key.endswith((_SCALE, _INPUT_SCALE)):
            continue
        scale = tensors.get(key.removesuffix(_WEIGHT) + _SCALE) if key.endswith(_WEIGHT) else None
        plain[key] = tensor if scale is None else (tensor.float() * scale.float()).to(dtype)
    return plain
