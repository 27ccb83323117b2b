"""Checks the values that a node receives against its schema.

ComfyUI only checks what the graph itself stores, and its versions check different things. A value from
another node can have any type. So every node checks all of its inputs before it starts.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.animate_x.conditioning import MotionFeatures
from ...animatex_core.errors import InvalidInput
from ...animatex_core.pose.dwpose import DWPose
from ...animatex_core.video.containers import MAX_SAMPLE_RATE
from .messages import printable_error, quoted
from .plus import PlusModel

Execute = Callable[..., io.NodeOutput]
MAX_WRITTEN = 1e18
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class OpenCombo(io.Combo.Input):
    """A combo whose node checks the choice itself, for example the name of a file that may be gone."""


def coerce_inputs(execute: Execute) -> Execute:
    """Decorate `execute` of a node: check and convert its arguments by the node's schema before it runs.

    Raises:
        InvalidInput: For a value that cannot be converted. Every error can be printed in any log.

    """

    @wraps(execute)
    def run(cls: type[io.ComfyNode], *args: Any, **kwargs: Any) -> io.NodeOutput:
        _, *names = signature(execute).parameters
        given = dict(zip(names, args, strict=False)) | kwargs
        try:
            return execute(cls, **coerce_values(cls.define_schema().inputs, given))
        except Exception as error:
            failure = printable_error(error)
            if failure is error:
                raise
        raise failure

    return run


def coerce_values(inputs: Iterable[io.Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the values given for inputs to the types of these inputs; optional ones may be None.

    Raises:
        InvalidInput: Names the input, the value and what is expected.

    """
    converted = {each.id: _coerce(each, given[each.id]) for each in inputs if each.id in given}
    return {**given, **converted}


def as_text(value: Any) -> str | None:
    """Return text, or a number as people write it (1.0 as 1); None for anything else."""
    if isinstance(value, str | PurePath):
        return str(value)
    number = _number(value)
    if number is None or abs(number) >= MAX_WRITTEN:
        return None
    return str(int(number) if number == int(number) else number)


def _coerce(target: io.Input, value: Any) -> Any:
    if value is None and target.optional:
        return getattr(target, "default", None)
    for kind, convert in CONVERSIONS.items():
        if isinstance(target, kind):
            return convert(target, value)
    _check_socket(target, value)
    return value


def _to_text(target: io.Input, value: Any) -> str:
    text = as_text(value)
    if text is None:
        raise _invalid(target, value, "text")
    return text


def _to_bool(target: io.Input, value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in TRUE or word in FALSE:
        return word in TRUE
    if isinstance(value, bool | np.bool_) or _number(value) in (0, 1):
        return bool(value)
    raise _invalid(target, value, "true or false")


def _to_choice(target: Any, value: Any) -> str:
    choice = as_text(value)
    if choice is None or choice not in target.options:
        raise _invalid(target, value, f"one of: {', '.join(target.options)}")
    return choice


def _to_int(target: Any, value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number):
        raise _invalid(target, value, f"a whole number{_range(target)}")
    return int(_in_range(target, number))


def _to_float(target: Any, value: Any) -> float:
    number = _number(value)
    if number is None:
        raise _invalid(target, value, f"a number{_range(target)}")
    return float(_in_range(target, number))


CONVERSIONS: dict[type[io.Input], Callable[[Any, Any], Any]] = {
    OpenCombo: _to_text,
    io.Combo.Input: _to_choice,
    io.String.Input: _to_text,
    io.Boolean.Input: _to_bool,
    io.Int.Input: _to_int,
    io.Float.Input: _to_float,
}


def _number(value: Any) -> int | float | None:
    """Return the finite number that a value is or spells, integers exactly; None if there is none."""
    if isinstance(value, bool) or not isinstance(value, str | Real):
        return None
    plain: Any = value
    if isinstance(value, str | Integral):
        with suppress(ValueError):
            return int(plain)
    with suppress(ValueError, OverflowError):
        return number if math.isfinite(number := float(plain)) else None
    return None


def _in_range(target: Any, number: int | float) -> int | float:
    if (target.min is not None and number < target.min) or (target.max is not None and number > target.max):
        raise _invalid(target, number, f"a number{_range(target)}")
    return number


def _range(target: Any) -> str:
    ends = [(word, end) for word, end in (("from", target.min), ("to", target.max)) if end is not None]
    return "".join(f" {word} {end:.15g}" for word, end in ends)


def _invalid(target: io.Input, value: object, expected: str) -> InvalidInput:
    return InvalidInput(f"{target.id} is {quoted(value)}, but it must be {expected}.")


def _check_socket(target: io.Input, value: Any) -> None:
    """Raise InvalidInput unless a value has the form of an input's socket type.

    Shapes are checked by the code that needs them, as are the many forms of POSE_KEYPOINT.
    """
    kind = str(target.io_type)
    has_form, expected = SOCKETS.get(
        kind, (lambda given: given is not None, "from a node with this output type")
    )
    if not has_form(value):
        found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else quoted(value)
        raise InvalidInput(f"{target.id} is {found}, but it must be {kind} ({expected}): connect one.")


def _is_dense(value: Any) -> bool:
    """Whether a value is a tensor of real numbers in memory, unlike sparse and meta tensors."""
    if not isinstance(value, Tensor) or value.layout is not torch.strided:
        return False
    return value.device.type != "meta" and not value.dtype.is_complex


def _is_image(value: Any) -> bool:
    return _is_dense(value) and value.ndim == 4 and 0 not in value.shape[1:]


def _is_latent(value: Any) -> bool:
    if not isinstance(value, Mapping) or not _is_dense(value.get("samples")):
        return False
    mask = value.get("noise_mask")
    return mask is None or _is_dense(mask)


def _is_audio(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"waveform", "sample_rate"} <= set(value):
        return False
    waveform: Any = value["waveform"]
    rate: Any = value["sample_rate"]
    is_rate = isinstance(value["sample_rate"], Real) and 1 <= rate <= MAX_SAMPLE_RATE  # integers of any size
    return is_rate and _is_dense(waveform) and waveform.dtype is not torch.bool


def _is_conditioning(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_condition, value))


def _is_condition(entry: Any) -> bool:
    is_pair = isinstance(entry, list | tuple) and len(entry) == 2
    return is_pair and isinstance(entry[0], Tensor) and isinstance(entry[1], Mapping)


def _is_a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _has_methods(*methods: str) -> Callable[[Any], bool]:
    """Check methods rather than a class, since other packs provide objects of their own."""
    return lambda value: all(callable(getattr(value, method, None)) for method in methods)


SOCKETS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "IMAGE": (_is_image, "a tensor of images (n, height, width, 3)"),
    "MASK": (_is_dense, "a tensor of masks (n, height, width)"),
    "LATENT": (_is_latent, 'a dictionary with a tensor "samples"'),
    "AUDIO": (
        _is_audio,
        f'a dictionary with a tensor "waveform" and a "sample_rate" of 1 to {MAX_SAMPLE_RATE:,}',
    ),
    "VIDEO": (_is_a(VideoInput), "for example from Load Video or Create Video"),
    "CONDITIONING": (_is_conditioning, "a list of pairs of a tensor and a dictionary"),
    "MODEL": (_is_a(ModelPatcher), "from a model loader"),
    "CLIP_VISION": (_has_methods("encode_image"), "from a CLIP vision loader"),
    "VAE": (_has_methods("encode", "decode"), "from a VAE loader"),
    "ANIMATEX_FEATURES": (_is_a(MotionFeatures), "the output of IPI Features"),
    "ANIMATEX_DWPOSE": (_is_a(DWPose), "the output of Load DWPose"),
    "ANIMATEX_PLUS": (_is_a(PlusModel), "the output of Load Animate-X++"),
}
