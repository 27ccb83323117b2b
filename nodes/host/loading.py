"""From a denoiser's file to ComfyUI's MODEL, in a type of weights that suits the machine."""

from dataclasses import replace
from pathlib import Path

import comfy.utils
import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP

from ...animatex_core.animate_x.checkpoint import PREFIX, DenoiserFile, denoiser_shapes, read_denoiser
from ...animatex_core.checkpoints.validation import load_strictly
from ...animatex_core.errors import InvalidInput
from .model import AnimateXConfig, AnimateXModel
from .printable import quoted
from .weights import is_dynamic, make_patcher, mapped_by_comfyui, remember_loader

DEFAULT, FAST_FP8 = "default", "fp8_e4m3fn_fast"
WEIGHT_DTYPES: dict[str, torch.dtype | None] = {
    DEFAULT: None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
    "fp8_e4m3fn": torch.float8_e4m3fn,
    FAST_FP8: torch.float8_e4m3fn,
}


def load_model_file(
    path: Path, source: str, weight_dtype: str = DEFAULT, *, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the MODEL of a file, so that ComfyUI can do it again for a further device.

    Args:
        path: The file.
        source: The file in words.
        weight_dtype: One of `WEIGHT_DTYPES`.
        disable_dynamic: Whether ComfyUI wants all weights loaded in the old way.

    Raises:
        InvalidInput: For another weight_dtype.
        CheckpointError: For a file that is damaged, unsafe or of another model.

    """
    file = read_denoiser(path)
    if not disable_dynamic:
        file = replace(file, tensors=mapped_by_comfyui(path, file.tensors, PREFIX))
    patcher = load_model(file, source, weight_dtype, disable_dynamic=disable_dynamic)
    remember_loader(patcher, load_model_file, path, source, weight_dtype)
    return patcher


def load_model(
    file: DenoiserFile, source: str, weight_dtype: str = DEFAULT, *, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the MODEL of what a file holds; arguments and errors are those of `load_model_file`."""
    if weight_dtype not in WEIGHT_DTYPES:  # ComfyUI does not check it
        raise InvalidInput(
            f"weight_dtype is {quoted(weight_dtype)}: choose one of {', '.join(WEIGHT_DTYPES)}."
        )
    device, resting = model_management.get_torch_device(), model_management.unet_offload_device()
    dtype = WEIGHT_DTYPES[weight_dtype] or _storage(file, device)
    config = AnimateXConfig(file.config)
    config.set_inference_dtype(
        dtype, model_management.unet_manual_cast(dtype, device, config.supported_inference_dtypes)
    )
    config.optimizations["fp8"] = weight_dtype == FAST_FP8
    model = AnimateXModel(config, file.text_context, file.trained_on).eval()
    patcher = make_patcher(model, device, resting, disable_dynamic=disable_dynamic)
    kept, place = (dtype, resting) if not is_dynamic(patcher) else (_mapped(weight_dtype), "cpu")
    expected = denoiser_shapes(file.config)
    load_strictly(model.diffusion_model, file.tensors, "the denoiser", source, kept, place, expected)
    patcher.add_callback(CallbacksMP.ON_CLEANUP, _forget_run)
    return patcher


def _mapped(weight_dtype: str) -> torch.dtype | None:
    """Return what weights become in memory where ComfyUI casts them on their way to the card.

    None leaves them mapped. ComfyUI's fast products in 8 bits look at the weights in memory, though.
    """
    return WEIGHT_DTYPES[weight_dtype] if weight_dtype == FAST_FP8 else None


def _forget_run(patcher: ModelPatcher) -> None:
    patcher.model.forget_run()


def _storage(file: DenoiserFile, device: torch.device) -> torch.dtype:
    """Choose as ComfyUI does, but on a CPU leave the weights as they are: they are mapped from the file."""
    own = comfy.utils.weight_dtype(file.tensors)
    chosen = model_management.unet_dtype(
        device, comfy.utils.calculate_parameters(file.tensors), AnimateXConfig.supported_inference_dtypes, own
    )
    return own if model_management.is_device_cpu(device) and chosen == torch.float32 else chosen
