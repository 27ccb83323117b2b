"""How ComfyUI keeps the pictures and latents that nodes give each other."""

import torch
from comfy import model_management
from torch import Tensor


def intermediate_dtype() -> torch.dtype:
    """Return the type of IMAGE, MASK and LATENT: float32, or what the user asked ComfyUI for."""
    asked = getattr(model_management, "intermediate_dtype", None)
    return torch.float32 if asked is None else asked()


def as_intermediate(tensor: Tensor) -> Tensor:
    """Return a tensor in that type, where ComfyUI keeps such."""
    return tensor.to(model_management.intermediate_device(), intermediate_dtype())
