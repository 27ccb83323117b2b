"""What ComfyUI's sockets and the pack's own must hold, since a graph may wire anything into them."""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.animate_x.conditioning import MotionFeatures
from ...animatex_core.errors import InvalidInput
from ...animatex_core.pose.dwpose import DWPose
from ...animatex_core.video.containers import MAX_SAMPLE_RATE
from .plus_model import HostedPlus
from .printable import quoted


def check_socket(target: io.Input, value: Any) -> None:
    """Raise InvalidInput unless a value has the form of an input's socket.

    Shapes are left to the code that knows which of them it needs, as are the many forms of POSE_KEYPOINT.
    """
    kind = str(target.io_type)
    has_form, expected = FORMS.get(kind, (_is_given, "what a node of this type gives"))
    if not has_form(value):
        raise InvalidInput(f"{target.id} is {_shown(value)}, but it must be {kind}, {expected}: wire one.")


def _shown(value: Any) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else quoted(value)


def _is_given(value: Any) -> bool:
    return value is not None


def _is_dense(value: Any) -> bool:
    """Whether a value is a tensor of real numbers that are there, which sparse and meta tensors have not."""
    if not isinstance(value, Tensor) or value.layout is not torch.strided:
        return False
    return value.device.type != "meta" and not value.dtype.is_complex


def _is_image(value: Any) -> bool:
    return _is_dense(value) and value.ndim == 4 and 0 not in value.shape[1:]


def _is_latent(value: Any) -> bool:
    mask = value.get("noise_mask") if isinstance(value, Mapping) else None
    return (
        isinstance(value, Mapping) and _is_dense(value.get("samples")) and (mask is None or _is_dense(mask))
    )


def _is_audio(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"waveform", "sample_rate"} <= set(value):
        return False
    waveform: Any = value["waveform"]
    rate: Any = value["sample_rate"]
    is_rate = isinstance(value["sample_rate"], Real) and 1 <= rate <= MAX_SAMPLE_RATE  # of any size
    return is_rate and _is_dense(waveform) and waveform.dtype is not torch.bool


def _is_conditioning(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_condition, value))


def _is_condition(entry: Any) -> bool:
    is_pair = isinstance(entry, list | tuple) and len(entry) == 2
    return is_pair and isinstance(entry[0], Tensor) and isinstance(entry[1], Mapping)


def _is_a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _with(*methods: str) -> Callable[[Any], bool]:
    """Ask for methods rather than a class: other packs give objects of their own."""
    return lambda value: all(callable(getattr(value, method, None)) for method in methods)


FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "IMAGE": (_is_image, "a tensor of images (n, height, width, 3)"),
    "MASK": (_is_dense, "a tensor of masks (n, height, width)"),
    "LATENT": (_is_latent, 'a dictionary with a tensor "samples"'),
    "AUDIO": (
        _is_audio,
        f'a dictionary with a tensor "waveform" and a "sample_rate" of 1 to {MAX_SAMPLE_RATE:,}',
    ),
    "VIDEO": (_is_a(VideoInput), "a video of Load Video or Create Video"),
    "CONDITIONING": (_is_conditioning, "a list of pairs of a tensor and a dictionary"),
    "MODEL": (_is_a(ModelPatcher), "a model of a loader"),
    "CLIP_VISION": (_with("encode_image"), "an image encoder of a loader"),
    "VAE": (_with("encode", "decode"), "an autoencoder of a loader"),
    "ANIMATEX_FEATURES": (_is_a(MotionFeatures), "the output of IPI Features"),
    "ANIMATEX_DWPOSE": (_is_a(DWPose), "the output of Load DWPose"),
    "ANIMATEX_PLUS": (_is_a(HostedPlus), "the output of Load Animate-X++"),
}
