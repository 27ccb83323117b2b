"""What ComfyUI's sockets and the pack's own must hold, since a graph may wire anything into them."""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.conditioning import MotionFeatures
from ...animatex_core.dwpose import DWPose
from ...animatex_core.errors import InvalidInput
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


def _is_image(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4


def _is_latent(value: Any) -> bool:
    mask = value.get("noise_mask") if isinstance(value, Mapping) else None
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("samples"), Tensor)
        and (mask is None or isinstance(mask, Tensor))
    )


def _is_audio(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"waveform", "sample_rate"} <= set(value):
        return False
    rate: Any = value["sample_rate"]
    return isinstance(value["waveform"], Tensor) and isinstance(rate, Real) and float(rate) >= 1


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
    "MASK": (_is_a(Tensor), "a tensor of masks (n, height, width)"),
    "LATENT": (_is_latent, 'a dictionary with a tensor "samples"'),
    "AUDIO": (_is_audio, 'a dictionary with a tensor "waveform" and a "sample_rate" of at least 1'),
    "VIDEO": (_is_a(VideoInput), "a video of Load Video or Create Video"),
    "CONDITIONING": (_is_conditioning, "a list of pairs of a tensor and a dictionary"),
    "MODEL": (_is_a(ModelPatcher), "a model of a loader"),
    "CLIP_VISION": (_with("encode_image"), "an image encoder of a loader"),
    "VAE": (_with("encode", "decode"), "an autoencoder of a loader"),
    "ANIMATEX_FEATURES": (_is_a(MotionFeatures), "the output of IPI Features"),
    "ANIMATEX_DWPOSE": (_is_a(DWPose), "the output of Load DWPose"),
    "ANIMATEX_PLUS": (_is_a(HostedPlus), "the output of Load Animate-X++"),
}
