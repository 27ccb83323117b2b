"""Conversion between the keys of the official Animate-X checkpoint and ours.

ComfyUI can only offload weights that are parameters of a leaf module (linears, norms, tables). The official
network has two kinds that are not: the packed in_proj of its keypoint encoder, and the raw latents of its
resampler. All other keys are equal. Loading copies no tensor.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# Suffix of an official key -> ours. The parts are stacked along the first axis.
PACKED = {
    "self_attn.in_proj_weight": ("self_attn.to_q.weight", "self_attn.to_k.weight", "self_attn.to_v.weight"),
    "self_attn.in_proj_bias": ("self_attn.to_q.bias", "self_attn.to_k.bias", "self_attn.to_v.bias"),
}
# Suffix of an official key -> ours. The official tensor has a leading axis of length 1.
TABLES = {"latents": "latents.weight"}
# A constant that the official file stores nevertheless, next to this weight of the same width.
POSITION_TABLE = "pos_embed.pos_table"
_BESIDE_POSITION_TABLE = "increase_embed_dim.1.bias"
RELEASED_FRAMES = 33


def from_official(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert official keys to ours, without the position table."""
    return {name: ours for key, tensor in tensors.items() for name, ours in _split(key, tensor)}


def to_official(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert our keys to official ones, without the position table."""
    released: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        released.update(_join(key, tensor, tensors))
    return released


def official_keys(module: nn.Module, frames: int = RELEASED_FRAMES) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of the official checkpoint for a module, position tables included.

    Args:
        module: Our network, or a part of it.
        frames: Rows of the position table, 33 in the official file (32 frames and the reference).

    Returns:
        Official key to shape.

    """
    tensors = to_official(module.state_dict())
    keys = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    for key, shape in list(keys.items()):
        if (prefix := _prefix(key, _BESIDE_POSITION_TABLE)) is not None:
            keys[prefix + POSITION_TABLE] = (1, frames, *shape)
    return keys


def _split(key: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    if _prefix(key, POSITION_TABLE) is not None:
        return []
    for suffix, names in PACKED.items():
        if (prefix := _prefix(key, suffix)) is not None:
            return [(prefix + name, part) for name, part in zip(names, tensor.chunk(len(names)), strict=True)]
    for suffix, name in TABLES.items():
        if (prefix := _prefix(key, suffix)) is not None:
            return [(prefix + name, tensor.squeeze(0))]
    return [(key, tensor)]


def _join(key: str, tensor: Tensor, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for released, (first, *others) in PACKED.items():
        if (prefix := _prefix(key, first)) is not None:
            return {prefix + released: torch.cat([tensor, *(tensors[prefix + name] for name in others)])}
        if any(_prefix(key, name) is not None for name in others):
            return {}
    for released, name in TABLES.items():
        if (prefix := _prefix(key, name)) is not None:
            return {prefix + released: tensor.unsqueeze(0)}
    return {key: tensor}


def _prefix(key: str, suffix: str) -> str | None:
    """Return the part of a key before a suffix of whole path components, or None."""
    head = key.removesuffix(suffix)
    return head if head != key and (not head or head.endswith(".")) else None
