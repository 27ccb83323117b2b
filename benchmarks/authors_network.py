"""The official network of Animate-X, from a copy of its repository, with the weights of `generated_weight`.

Packages that it imports but does not need on a CPU are replaced in `sys.modules`, so use it in a process of
its own: xformers' attention by PyTorch's, fairscale's checkpointing, unused in inference, by nothing.
"""

import sys
import zlib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.shapes import ClipShape

# `configs/Animate_X_infer.yaml` and `animatex/default_config.py` of the repository.
RELEASED: dict[str, Any] = {
    "in_dim": 4,
    "dim": 320,
    "y_dim": 1024,
    "context_dim": 1024,
    "out_dim": 4,
    "dim_mult": [1, 2, 4, 4],
    "num_heads": 8,
    "head_dim": 64,
    "num_res_blocks": 2,
    "attn_scales": [1, 1 / 2, 1 / 4],
    "dropout": 0.1,
    "no_hand": True,
    "use_checkpoint": True,
}


def generated_weight(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return weights that depend only on the official key and the shape, and keep activations in scale."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    noise = torch.empty(shape).uniform_(-1, 1, generator=generator)
    if len(shape) > 1:
        return noise.mul_((3 / noise[0].numel()) ** 0.5)
    is_gain = key.endswith("weight")
    return noise.mul_(0.1).add_(1 if is_gain else 0)


def authors_unet(repository: Path, shape: ClipShape, text: Tensor) -> nn.Module:
    """Build the official network with generated weights.

    Args:
        repository: A copy of https://github.com/antgroup/animate-x.
        shape: Size of the videos. The official code fixes the size of its pooling at 512x768.
        text: (1, tokens, width), the text context.

    Returns:
        The network in eval mode, in float32.

    """
    unet = uninitialised_unet(repository, shape, text)
    with torch.no_grad():
        for key, parameter in unet.named_parameters():
            parameter.copy_(generated_weight(key, tuple(parameter.shape)))
    return unet


def uninitialised_unet(repository: Path, shape: ClipShape, text: Tensor) -> nn.Module:
    """Build the official network like `authors_unet`, on torch's default device, its weights not set."""
    _stand_in_for_packages(repository)
    unet = import_module("animatex.model.unet_animate_x").UNetSD_Animate_X(**RELEASED, zero_y=text).eval()
    for module in unet.modules():
        if isinstance(module, nn.AdaptiveAvgPool2d):
            module.output_size = (shape.height // 2, shape.width // 2)
    return unet.requires_grad_(False)


def authors_inputs(inputs: ConditionInputs) -> dict[str, Any]:
    """Return the arguments of the official forward for our conditions of one video."""
    assert inputs.reference_image is not None
    assert inputs.clip_features is not None
    return {
        "image": inputs.image_embedding,
        "local_image": inputs.reference_image.expand(-1, -1, inputs.shape.frames, -1, -1),
        "dwpose": inputs.pose_pictures,
        "pose_embeddings": [inputs.keypoints, inputs.clip_features.flatten(0, 1)[:, None]],
    }


def _attention(query: Tensor, key: Tensor, value: Tensor, **_: Any) -> Tensor:
    return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]


def _skip(_layer: nn.Module) -> None: ...


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    return module


def _stand_in_for_packages(repository: Path) -> None:
    for layer in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d):
        layer.reset_parameters = _skip  # type: ignore[assignment,method-assign]  # the weights are replaced anyway
    _module("xformers", ops=_module("xformers.ops", memory_efficient_attention=_attention))
    _module("rotary_embedding_torch", RotaryEmbedding=None)
    _module("fairscale")
    _module("fairscale.nn")
    _module("fairscale.nn.checkpoint", checkpoint_wrapper=lambda module: module)
    _module("open_clip")
    # The packages' own __init__ imports the whole program.
    _module("animatex", __path__=[str(repository / "animatex")])
    _module("animatex.model", __path__=[str(repository / "animatex" / "model")])
    sys.path.insert(0, str(repository))
