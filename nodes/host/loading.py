"""From a denoiser's file to ComfyUI's MODEL, in a type of weights that suits the machine."""

import comfy.utils
import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP

from ...animatex_core.checkpoints.denoiser_file import DenoiserFile
from ...animatex_core.checkpoints.strict import load_strictly
from ...animatex_core.errors import InvalidInput
from .model import AnimateXConfig, AnimateXModel
from .printable import quoted

DEFAULT, FAST_FP8 = "default", "fp8_e4m3fn_fast"
WEIGHT_DTYPES: dict[str, torch.dtype | None] = {
    DEFAULT: None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
    "fp8_e4m3fn": torch.float8_e4m3fn,
    FAST_FP8: torch.float8_e4m3fn,
}


def load_model(file: DenoiserFile, source: str, weight_dtype: str = DEFAULT) -> ModelPatcher:
    """Build the MODEL of a file.

    source: the file in words. weight_dtype: one of `WEIGHT_DTYPES`; raises InvalidInput for another.
    """
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
    model = AnimateXModel(config, file.text_context, file.trained_on)
    load_strictly(model.diffusion_model, file.tensors, "the denoiser", source, dtype, resting)
    patcher = ModelPatcher(model.eval(), load_device=device, offload_device=resting)
    patcher.add_callback(CallbacksMP.ON_CLEANUP, _forget_run)
    return patcher


def _forget_run(patcher: ModelPatcher) -> None:
    patcher.model.forget_run()


def _storage(file: DenoiserFile, device: torch.device) -> torch.dtype:
    """Choose as ComfyUI does, but on a CPU leave the weights as they are: they are mapped from the file."""
    own = comfy.utils.weight_dtype(file.tensors)
    chosen = model_management.unet_dtype(
        device, comfy.utils.calculate_parameters(file.tensors), AnimateXConfig.supported_inference_dtypes, own
    )
    return own if model_management.is_device_cpu(device) and chosen == torch.float32 else chosen
