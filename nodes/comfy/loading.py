"""Loads networks under the memory management of the installed ComfyUI.

On a GPU, newer versions of ComfyUI ("DynamicVRAM") leave weights memory-mapped until a layer is called, and
some of their layers do not know their weights before a file is loaded. Older versions, and all versions on a
CPU, load whole models.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP
from torch import Tensor, nn

from ...animatex_core.animate_x.checkpoint import PREFIX, DenoiserFile, denoiser_shapes, read_denoiser
from ...animatex_core.checkpoints.file_form import FileFormat, detect_format
from ...animatex_core.checkpoints.validation import load_strictly
from ...animatex_core.errors import InvalidInput
from .denoiser import AnimateXConfig, AnimateXModel
from .messages import quoted

DEFAULT, FAST_FP8 = "default", "fp8_e4m3fn_fast"
WEIGHT_DTYPES: dict[str, torch.dtype | None] = {
    DEFAULT: None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
    "fp8_e4m3fn": torch.float8_e4m3fn,
    FAST_FP8: torch.float8_e4m3fn,
}


class EagerLayers(comfy.ops.manual_cast):
    """ComfyUI's layers, whose weights have their shapes from the start.

    ComfyUI does not defer layers that load a state dict in their own way.
    """

    class Linear(comfy.ops.manual_cast.Linear):
        """A linear layer whose weight exists before it is loaded."""

        def _load_from_state_dict(self, *args: Any) -> None:
            nn.Linear._load_from_state_dict(self, *args)

    class Embedding(comfy.ops.manual_cast.Embedding):
        """An embedding whose weight exists before it is loaded."""

        def _load_from_state_dict(self, *args: Any) -> None:
            nn.Embedding._load_from_state_dict(self, *args)


def load_model_file(
    path: Path, source: str, weight_dtype: str = DEFAULT, *, disable_dynamic: bool = False
) -> ModelPatcher:
    """Load the MODEL of a file, so that ComfyUI can load it again for another device.

    Args:
        path: The file.
        source: The file as messages name it.
        weight_dtype: A key of `WEIGHT_DTYPES`.
        disable_dynamic: Whether ComfyUI requests a model without DynamicVRAM.

    Raises:
        InvalidInput: For another weight_dtype.
        CheckpointError: For a file that is damaged, unsafe or of another model.

    """
    file = read_denoiser(path)
    if not disable_dynamic:
        file = replace(file, tensors=map_with_comfyui(path, file.tensors, PREFIX))
    patcher = load_model(file, source, weight_dtype, disable_dynamic=disable_dynamic)
    set_reload_function(patcher, load_model_file, path, source, weight_dtype)
    return patcher


def load_model(
    file: DenoiserFile, source: str, weight_dtype: str = DEFAULT, *, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the MODEL of a file's content; other arguments and errors as for `load_model_file`."""
    if weight_dtype not in WEIGHT_DTYPES:  # not checked by ComfyUI
        raise InvalidInput(
            f"weight_dtype is {quoted(weight_dtype)}: choose one of {', '.join(WEIGHT_DTYPES)}."
        )
    device = comfy.model_management.get_torch_device()
    offload_device = comfy.model_management.unet_offload_device()
    dtype = WEIGHT_DTYPES[weight_dtype] or _storage_dtype(file, device)
    config = AnimateXConfig(file.config)
    config.set_inference_dtype(
        dtype, comfy.model_management.unet_manual_cast(dtype, device, config.supported_inference_dtypes)
    )
    config.optimizations["fp8"] = weight_dtype == FAST_FP8
    model = AnimateXModel(config, file.text_context, file.trained_on).eval()
    patcher = make_patcher(model, device, offload_device, disable_dynamic=disable_dynamic)
    kept, place = dtype, offload_device
    if is_dynamic(patcher):
        # Weights stay mapped, and ComfyUI casts them on their way to the GPU. Its fast 8-bit products,
        # however, look at the weights in memory.
        kept, place = WEIGHT_DTYPES[weight_dtype] if weight_dtype == FAST_FP8 else None, "cpu"
    expected = denoiser_shapes(file.config)
    load_strictly(model.diffusion_model, file.tensors, "the denoiser", source, kept, place, expected)
    patcher.add_callback(CallbacksMP.ON_CLEANUP, _clear_conds)
    return patcher


def make_patcher(
    model: nn.Module,
    load_device: torch.device,
    offload_device: torch.device,
    *,
    disable_dynamic: bool = False,
) -> ModelPatcher:
    """Return a patcher of the class that ComfyUI's own loaders use.

    Args:
        model: The network.
        load_device: Where it computes.
        offload_device: Where its weights are kept otherwise.
        disable_dynamic: Whether to use the class without DynamicVRAM.

    """
    current = getattr(comfy.model_patcher, "CoreModelPatcher", ModelPatcher)
    return (ModelPatcher if disable_dynamic else current)(model, load_device, offload_device)


def is_dynamic(patcher: ModelPatcher) -> bool:
    """Whether weights stay memory-mapped and are cast when a layer is called."""
    method: Callable[[], bool] | None = getattr(patcher, "is_dynamic", None)
    return method is not None and method()


def map_with_comfyui(path: Path, tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Replace the tensors of a file by ComfyUI's mapping of it, if ComfyUI loads such files dynamically.

    It then reads a layer from the disk straight to the GPU, and frees the file's pages in memory.

    Args:
        path: The file.
        tensors: What was read and checked.
        prefix: Precedes their keys in the file.

    Returns:
        All of the tensors; those that the file does not hold under their key are unchanged.

    """
    if not _maps(path):
        return dict(tensors)
    mapped = comfy.utils.load_torch_file(str(path))
    return {key: mapped.get(prefix + key, tensor) for key, tensor in tensors.items()}


def set_reload_function(patcher: ModelPatcher, load: Callable[..., ModelPatcher], *arguments: Any) -> None:
    """Tell ComfyUI how to load the model once more, which it does for another device.

    Args:
        patcher: The loaded model.
        load: Returns another patcher of the same weights; takes `disable_dynamic` by keyword.
        arguments: Its other arguments.

    """
    patcher.cached_patcher_init = (load, arguments)


def _maps(path: Path) -> bool:
    memory = getattr(comfy, "memory_management", None)
    if memory is None or not memory.aimdo_enabled:
        return False
    if comfy.model_management.is_device_cpu(comfy.model_management.get_torch_device()):
        return False
    # ComfyUI goes by the suffix, but the content may be of another format.
    return path.suffix.lower() in (".safetensors", ".sft") and detect_format(path) is FileFormat.SAFETENSORS


def _clear_conds(patcher: ModelPatcher) -> None:
    patcher.model.clear_conds()


def _storage_dtype(file: DenoiserFile, device: torch.device) -> torch.dtype:
    """Choose as ComfyUI does, but on a CPU keep the weights as they are: they are mapped from the file."""
    own = comfy.utils.weight_dtype(file.tensors)
    parameters = comfy.utils.calculate_parameters(file.tensors)
    chosen = comfy.model_management.unet_dtype(
        device, parameters, AnimateXConfig.supported_inference_dtypes, own
    )
    is_cpu = comfy.model_management.is_device_cpu(device)
    return own if is_cpu and chosen == torch.float32 else chosen
