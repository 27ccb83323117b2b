"""Networks under the memory management of the ComfyUI in use.

On a card, newer versions of ComfyUI ("DynamicVRAM") leave weights where they are mapped until a layer is
called, and some of their layers do not know their weights before a file is loaded. Older versions, and all
of them on a CPU, load models in the old way.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import comfy.model_patcher
import comfy.ops
import comfy.utils
import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ...animatex_core.checkpoints.safe_load import Form, file_form


class FullLayers(comfy.ops.manual_cast):
    """ComfyUI's layers, with the shapes of all weights known from the beginning.

    ComfyUI leaves alone what loads a state dict in its own way.
    """

    class Linear(comfy.ops.manual_cast.Linear):
        """A linear layer whose weight is there before it is loaded."""

        def _load_from_state_dict(self, *args: Any) -> None:
            nn.Linear._load_from_state_dict(self, *args)

    class Embedding(comfy.ops.manual_cast.Embedding):
        """A table whose weight is there before it is loaded."""

        def _load_from_state_dict(self, *args: Any) -> None:
            nn.Embedding._load_from_state_dict(self, *args)


def make_patcher(
    model: nn.Module,
    load_device: torch.device,
    offload_device: torch.device,
    *,
    disable_dynamic: bool = False,
) -> ModelPatcher:
    """Return a patcher of the class that ComfyUI's own loaders use.

    Args:
        model: What is patched and moved.
        load_device: Where it computes.
        offload_device: Where its weights rest.
        disable_dynamic: Whether to take the old class, which ComfyUI asks for where it needs it.

    """
    current = getattr(comfy.model_patcher, "CoreModelPatcher", ModelPatcher)
    return (ModelPatcher if disable_dynamic else current)(model, load_device, offload_device)


def is_dynamic(patcher: ModelPatcher) -> bool:
    """Whether weights stay where they are mapped, and are cast when a layer is called."""
    asked: Callable[[], bool] | None = getattr(patcher, "is_dynamic", None)
    return asked is not None and asked()


def mapped_by_comfyui(path: Path, tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Return tensors of a file as ComfyUI maps them, where it loads models dynamically from such files.

    It then reads a layer from the disk straight to the card, and lets go of the file's pages in memory.

    Args:
        path: The file.
        tensors: What was read and checked.
        prefix: What stands before their keys in the file.

    Returns:
        All of the tensors; those that the file does not hold under their key are the given ones.

    """
    if not _maps(path):
        return dict(tensors)
    mapped = comfy.utils.load_torch_file(str(path))
    return {key: mapped.get(prefix + key, tensor) for key, tensor in tensors.items()}


def _maps(path: Path) -> bool:
    memory = getattr(comfy, "memory_management", None)
    if memory is None or not memory.aimdo_enabled:
        return False
    if model_management.is_device_cpu(model_management.get_torch_device()):
        return False
    # ComfyUI goes by the name, where the content may be something else.
    return path.suffix.lower() in (".safetensors", ".sft") and file_form(path) is Form.SAFETENSORS


def remember_loader(patcher: ModelPatcher, load: Callable[..., ModelPatcher], *arguments: Any) -> None:
    """Tell ComfyUI how the model is loaded once more, which it does for a further device.

    Args:
        patcher: What was loaded.
        load: Returns another patcher of the same weights; takes `disable_dynamic` by keyword.
        arguments: Its other arguments.

    """
    patcher.cached_patcher_init = (load, arguments)
