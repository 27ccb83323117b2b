"""The reference picture as Animate-X++ shows it to Wan: ComfyUI's nodes would crop and smooth it."""

from comfy import model_management
from comfy.clip_vision import ClipVisionModel, Output
from einops import rearrange
from torch import Tensor

from ...animatex_core.animate_x_plus.preprocessing import reference_picture, wan_clip_picture
from ...animatex_core.animate_x_plus.shapes import WanShape
from ...animatex_core.encoders.preprocessing import CLIP_SIDE
from ...animatex_core.errors import InvalidInput
from .intermediate import as_intermediate
from .pictures import picture_of

_LAST_BUT_ONE = -2  # the layer that Wan reads


def shown_reference(clip_vision: ClipVisionModel, image: Tensor, shape: WanShape) -> tuple[Tensor, Output]:
    """Return the first picture of an IMAGE stretched to a clip's size, and how CLIP sees it."""
    if clip_vision.image_size != CLIP_SIDE:
        raise InvalidInput(
            f"The CLIP_VISION looks at {clip_vision.image_size} pixels, but Wan's looks at {CLIP_SIDE}: load "
            "clip_vision_h.safetensors with Load CLIP Vision."
        )
    picture = reference_picture(picture_of(image), shape.width, shape.height)
    start_image = rearrange(picture * 0.5 + 0.5, "1 c h w -> 1 h w c")
    return as_intermediate(start_image), _encode(clip_vision, wan_clip_picture(picture))


def _encode(clip_vision: ClipVisionModel, pixels: Tensor) -> Output:
    # Not by encode_image: it rounds to 8 bits and cuts off what the bicubic filter overshoots.
    model_management.load_model_gpu(clip_vision.patcher)
    given = pixels.to(clip_vision.load_device)
    last, penultimate, embeds, *_ = clip_vision.model(pixel_values=given, intermediate_output=_LAST_BUT_ONE)
    resting = model_management.intermediate_device()
    output = Output()
    for name, value in (
        ("last_hidden_state", last),
        ("penultimate_hidden_states", penultimate),
        ("image_embeds", embeds),
    ):
        output[name] = value.to(resting)
    output["mm_projected"] = None
    return output
