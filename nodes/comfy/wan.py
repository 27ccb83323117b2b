"""ComfyUI's Wan 2.1 image-to-video: checks of its MODEL and CONDITIONING, and its reference image."""

from typing import Any

import comfy.model_management
import torch
from comfy.clip_vision import ClipVisionModel, Output
from comfy.ldm.wan.model import WanModel
from comfy.model_patcher import ModelPatcher
from einops import rearrange
from torch import Tensor

from ...animatex_core.animate_x_plus.config import WanConfig
from ...animatex_core.animate_x_plus.preprocessing import stretch_reference, wan_clip_image
from ...animatex_core.animate_x_plus.shapes import SPATIAL_STRIDE, TEMPORAL_STRIDE, WanShape
from ...animatex_core.encoders.preprocessing import CLIP_SIDE
from ...animatex_core.errors import InvalidInput, warn
from .conditioning import Conditioning
from .images import first_image, to_intermediate

_WAN = WanConfig.released()
_IMAGE, _CLIP = "concat_latent_image", "clip_vision_output"  # as WanImageToVideo names them
_PENULTIMATE = -2  # the layer of CLIP that Wan uses


def require_wan(model: ModelPatcher, dim: int) -> None:
    """Raise InvalidInput unless a MODEL is Wan 2.1 image-to-video with tokens of width `dim`."""
    network: Any = getattr(model.model, "diffusion_model", None)
    # Its subclasses are other systems: VACE, Camera, Animate, speech.
    is_wan = type(network) is WanModel
    if not (is_wan and network.model_type == "i2v" and network.in_dim == _WAN.in_channels):
        raise InvalidInput(
            "The MODEL is not Wan 2.1 image-to-video: load wan2.1_i2v_720p_14B or wan2.1_i2v_480p_14B with "
            "Load Diffusion Model."
        )
    if network.dim != dim:
        raise InvalidInput(
            f"The MODEL has tokens of width {network.dim}, but Animate-X++ needs {dim}: load Wan 2.1 "
            "image-to-video 14B with Load Diffusion Model."
        )


def compute_dtype(model: ModelPatcher) -> torch.dtype:
    """Return the dtype in which a MODEL computes, whatever its weights are stored in."""
    return model.model.manual_cast_dtype or model.model.get_dtype()


def video_shape(positive: Conditioning, negative: Conditioning) -> WanShape:
    """Return the size of the video for which WanImageToVideo made a pair of conditionings.

    Raises:
        InvalidInput: If one of them is from elsewhere, has no start image or another size.

    """
    sizes = {_latent_size(values) for _, values in (*positive, *negative)}
    if len(sizes) != 1 or () in sizes:
        raise InvalidInput(
            "positive and negative are not of one video with a start image: connect both outputs of one "
            "WanImageToVideo, with the image in its start_image."
        )
    frames, height, width = sizes.pop()
    return WanShape(SPATIAL_STRIDE * width, SPATIAL_STRIDE * height, TEMPORAL_STRIDE * (frames - 1) + 1)


def check_image_embeds(conditioning: Conditioning) -> None:
    """Warn if the CLIP features of the start image are missing.

    Raises:
        InvalidInput: For features of another CLIP.

    """
    found = [values[_CLIP].penultimate_hidden_states for _, values in conditioning if values.get(_CLIP)]
    if len(found) < len(conditioning):
        sentence = (
            "Wan does not get the CLIP features of the start image: connect clip_vision_output to "
            "WanImageToVideo, as the official code does."
        )
        warn(sentence)
    widths = {features.shape[-1] for features in found} - {_WAN.image_dim}
    if widths:
        raise InvalidInput(
            f"clip_vision_output of WanImageToVideo is {widths.pop()} wide, but Wan 2.1 needs "
            f"{_WAN.image_dim}: load clip_vision_h.safetensors with Load CLIP Vision."
        )


def prepare_reference(clip_vision: ClipVisionModel, image: Tensor, shape: WanShape) -> tuple[Tensor, Output]:
    """Prepare the reference image as the official code does; ComfyUI's nodes would crop and smooth it.

    Args:
        clip_vision: The CLIP vision model of Wan 2.1.
        image: An IMAGE, of which the first is used.
        shape: Size of the video.

    Returns:
        The image stretched to the video's size, (1, h, w, 3) in 0..1, and its CLIP features.

    """
    if clip_vision.image_size != CLIP_SIDE:
        raise InvalidInput(
            f"The CLIP_VISION uses images of {clip_vision.image_size} pixels, but that of Wan uses "
            f"{CLIP_SIDE}: load clip_vision_h.safetensors with Load CLIP Vision."
        )
    start = stretch_reference(first_image(image), shape.width, shape.height)
    start_image = rearrange(start * 0.5 + 0.5, "1 c h w -> 1 h w c")
    return to_intermediate(start_image), _encode(clip_vision, wan_clip_image(start))


def _encode(clip_vision: ClipVisionModel, pixels: Tensor) -> Output:
    # Not with encode_image, which rounds to 8 bits and clips the overshoot of the bicubic filter.
    comfy.model_management.load_model_gpu(clip_vision.patcher)
    last, penultimate, embeds, *_ = clip_vision.model(
        pixel_values=pixels.to(clip_vision.load_device), intermediate_output=_PENULTIMATE
    )
    device = comfy.model_management.intermediate_device()
    output = Output()
    output["last_hidden_state"] = last.to(device)
    output["penultimate_hidden_states"] = penultimate.to(device)
    output["image_embeds"] = embeds.to(device)
    output["mm_projected"] = None
    return output


def _latent_size(values: dict[str, Any]) -> tuple[int, ...]:
    image = values.get(_IMAGE)
    return () if image is None else tuple(image.shape[2:])
