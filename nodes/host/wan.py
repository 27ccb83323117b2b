"""ComfyUI's own Wan 2.1 image-to-video: what Animate-X++ must know of its MODEL and its CONDITIONING."""

import warnings
from typing import Any

import torch
from comfy.ldm.wan.model import WanModel
from comfy.model_patcher import ModelPatcher

from ...animatex_core.animate_x_plus.config import WanConfig
from ...animatex_core.animate_x_plus.shapes import PIXELS_A_LATENT, TEMPORAL_STRIDE, WanShape
from ...animatex_core.errors import AnimateXWarning, InvalidInput
from .conditions import Conditioning

_RELEASED = WanConfig.released()
_PICTURE, _CLIP = "concat_latent_image", "clip_vision_output"  # as WanImageToVideo names them


def require_wan(model: ModelPatcher, dim: int) -> None:
    """Raise InvalidInput unless a MODEL is Wan 2.1 image-to-video with tokens of width `dim`."""
    network: Any = getattr(model.model, "diffusion_model", None)
    # Its subclasses are other systems: VACE, Camera, Animate, speech.
    if type(network) is not WanModel or not _takes_pictures(network):
        raise InvalidInput(
            "The MODEL is not Wan 2.1 image-to-video: load wan2.1_i2v_720p_14B or wan2.1_i2v_480p_14B with "
            "Load Diffusion Model."
        )
    if network.dim != dim:
        raise InvalidInput(
            f"The MODEL's tokens are {network.dim} wide, but Animate-X++ is for {dim}: load Wan 2.1 "
            "image-to-video 14B with Load Diffusion Model."
        )


def compute_dtype(model: ModelPatcher) -> torch.dtype:
    """Return what a MODEL computes in, whatever its weights are stored in."""
    return model.model.manual_cast_dtype or model.model.get_dtype()


def clip_shape(positive: Conditioning, negative: Conditioning) -> WanShape:
    """Return the size of the clip for which WanImageToVideo made a pair of conditionings.

    Raises InvalidInput where it made one of them not, or without a picture, or for another size.
    """
    sizes = {_latent_size(values) for _, values in (*positive, *negative)}
    if len(sizes) != 1 or () in sizes:
        raise InvalidInput(
            "positive and negative are not of one clip with a picture: wire both outputs of one "
            "WanImageToVideo, with the picture in its start_image."
        )
    frames, height, width = sizes.pop()
    return WanShape(PIXELS_A_LATENT * width, PIXELS_A_LATENT * height, TEMPORAL_STRIDE * (frames - 1) + 1)


def check_clip_features(conditioning: Conditioning) -> None:
    """Warn where CLIP's features of the picture are missing; raise InvalidInput for those of another CLIP."""
    found = [values[_CLIP].penultimate_hidden_states for _, values in conditioning if values.get(_CLIP)]
    if len(found) < len(conditioning):
        sentence = (
            "Wan is not told how CLIP sees the picture: wire clip_vision_output into WanImageToVideo, as the "
            "authors do."
        )
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)
    widths = {features.shape[-1] for features in found} - {_RELEASED.image_dim}
    if widths:
        raise InvalidInput(
            f"clip_vision_output of WanImageToVideo is {widths.pop()} wide, but Wan 2.1 needs "
            f"{_RELEASED.image_dim}: load clip_vision_h.safetensors with Load CLIP Vision."
        )


def _takes_pictures(network: Any) -> bool:
    return network.model_type == "i2v" and network.in_dim == _RELEASED.in_channels


def _latent_size(values: dict[str, Any]) -> tuple[int, ...]:
    picture = values.get(_PICTURE)
    return () if picture is None else tuple(picture.shape[2:])
