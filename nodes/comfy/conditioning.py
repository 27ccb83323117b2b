"""Animate-X's conditions inside a CONDITIONING, and on their way through ComfyUI's sampling to the model.

A CONDITIONING is a list of [tensor, values]. The tensor of ours is a placeholder; `values` contains a
`ClipCondition` under `CONDITION` and, for long videos, a `WindowPlan` of the core under `WINDOWS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import node_helpers
import torch
from comfy.conds import CONDRegular
from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs, Conditions
from ...animatex_core.animate_x.config import DenoiserConfig
from ...animatex_core.animate_x.pose_strength import PoseStrength
from ...animatex_core.animate_x.shapes import ClipShape
from ...animatex_core.animate_x.windows import WindowPlan
from ...animatex_core.diffusion.alternating_windows import Layout
from ...animatex_core.diffusion.long_clips import Span, WindowWeights
from ...animatex_core.errors import InvalidInput

CONDITION = "animatex"
WINDOWS = "animatex_windows"
EMBEDDED_TEXT = torch.empty(1, 0, 0)
"""A text context that stands for the one stored in the model's file."""

EMPTY_TEXT_REMEDY = (
    "connect a CLIP Text Encode with an empty text and the CLIP of Stable Diffusion 2.1 to empty_text of "
    "Animate-X Conditioning"
)

Conditioning = list[list[Any]]
Encode = Callable[[ConditionInputs, float], Conditions]
"""Encodes the inputs of a video or window, with a factor of the pose features."""


@dataclass(frozen=True, eq=False)
class ClipCondition:
    """The conditions of a video.

    Attributes:
        inputs: The inputs of the denoiser's encoders.
        conditional: False in the unconditional pass of classifier-free guidance.
        pose: How strongly the poses are followed, and when.

    """

    inputs: ConditionInputs
    conditional: bool = True
    pose: PoseStrength = field(default_factory=PoseStrength)

    def inputs_for_pass(self) -> ConditionInputs:
        """Return the inputs of this pass."""
        return self.inputs if self.conditional else self.inputs.unconditional()


def conditioning_pair(
    inputs: ConditionInputs, pose: PoseStrength | None = None
) -> tuple[Conditioning, Conditioning]:
    """Return the positive and the negative CONDITIONING of a video."""
    # Nodes of ComfyUI expect a tensor of this shape; ones show whether a node zeroed them.
    positive, negative = (
        [[torch.ones(1, 77, 1024), {CONDITION: ClipCondition(inputs, conditional, pose or PoseStrength())}]]
        for conditional in (True, False)
    )
    return positive, negative


def with_windows(conditioning: Conditioning, windows: WindowPlan | None) -> Conditioning:
    """Return a copy with which every sampler denoises windows and blends them at each step.

    Apply it to positive and negative alike, so that both can run as one batch.
    """
    return node_helpers.conditioning_set_values(conditioning, {WINDOWS: windows})


def slice_frames(conditioning: Conditioning, start: int, stop: int) -> Conditioning:
    """Return a copy for the frames start..stop - 1 of the video.

    Raises:
        InvalidInput: If it is not a conditioning of Animate-X.

    """

    def cut(values: Mapping[str, Any]) -> ClipCondition:
        condition = get_clip_condition(values)
        return replace(condition, inputs=condition.inputs.window(start, stop))

    return [[tensor, {**values, CONDITION: cut(values)}] for tensor, values in conditioning]


def get_clip_condition(values: Mapping[str, Any]) -> ClipCondition:
    """Return the condition among a conditioning's values.

    Raises:
        InvalidInput: If it is not a conditioning of Animate-X.

    """
    if not isinstance(values.get(CONDITION), ClipCondition):
        raise InvalidInput(
            "The conditioning was not made for Animate-X: connect positive and negative of Animate-X "
            "Conditioning, not a text prompt."
        )
    return values[CONDITION]


def apply_zero_out(condition: ClipCondition, text: Tensor | None) -> ClipCondition:
    """Make a condition unconditional if its CONDITIONING went through ConditioningZeroOut."""
    is_zero = text is not None and not text.any()
    return replace(condition, conditional=condition.conditional and not is_zero)


class CONDAnimateX(CONDRegular):
    """The conditions of one pass, encoded for each of the windows in which the video is denoised.

    ComfyUI asks it how to repeat over a batch (not at all, since it covers the whole video) and what it can
    be batched with. It has no `dtype`, so that ComfyUI never takes it for a tensor.
    """

    def __init__(
        self,
        shape: ClipShape,
        layouts: tuple[Layout, ...],
        weights: WindowWeights,
        encodings: dict[Span, dict[float, Conditions]],
        pose: PoseStrength,
    ) -> None:
        super().__init__(None)
        self.pose = pose
        self.shape, self.layouts = shape, layouts
        self.weights: WindowWeights = weights
        self.encodings = encodings

    def encoding(self, window: Span, timestep: Callable[[], float]) -> Conditions:
        """Return the conditions of a window; `timestep` is called if they depend on it."""
        found = self.encodings[window]
        return found[self.pose.at(timestep())] if len(found) > 1 else next(iter(found.values()))

    def process_cond(self, batch_size: int, **_: object) -> "CONDAnimateX":
        """Return the conditions for a batch of latents: all of them."""
        return self

    def can_concat(self, other: "CONDAnimateX") -> bool:
        """Whether both passes can run as one batch."""
        return (self.shape, self.layouts, self.weights) == (other.shape, other.layouts, other.weights)

    def concat(self, others: Sequence["CONDAnimateX"]) -> list["CONDAnimateX"]:
        """Return what the model gets for several passes in one batch."""
        return [self, *others]

    def size(self) -> list[int]:
        """Return what the model's `memory_required` reads."""
        return memory_shape(self.shape, self.layouts)


def encode_condition(condition: ClipCondition, windows: WindowPlan | None, encode: Encode) -> CONDAnimateX:
    """Encode the conditions of a video, window by window."""
    inputs = condition.inputs_for_pass()
    layouts = window_layouts(inputs.shape, windows)
    spans = tuple(dict.fromkeys(span for layout in layouts for span in layout))
    factors = condition.pose.factors if condition.conditional else (1.0,)

    def encoded(span: Span) -> dict[float, Conditions]:
        own = inputs if len(spans) == 1 else inputs.window(span.start, span.stop)
        return {factor: encode(own, factor) for factor in factors}

    if not condition.conditional:
        # All windows have the same length, so they share the unconditional encoding.
        shared = {1.0: encode(inputs.window(0, len(spans[0])), 1.0)}
        encodings = dict.fromkeys(spans, shared)
    elif len(spans) == 1:
        encodings = {spans[0]: encoded(spans[0])}
    else:  # kept in main memory, moved to the device one at a time
        encodings = {
            span: {factor: each.to("cpu") for factor, each in encoded(span).items()} for span in spans
        }
    weights = "smooth" if windows is None else windows.weights
    return CONDAnimateX(inputs.shape, layouts, weights, encodings, condition.pose)


def window_layouts(shape: ClipShape, windows: WindowPlan | None) -> tuple[Layout, ...]:
    """Return the windows in which a video is denoised, for steps that take turns."""
    if windows is None:
        return ((Span(0, shape.frames),),)
    return windows.layouts(shape.frames)


def memory_shape(shape: ClipShape, layouts: Sequence[Layout]) -> list[int]:
    """Return [frames of the video, frames that the network sees at once]."""
    return [shape.frames, len(layouts[0][0])]


def check_latents(shape: ClipShape, latents: Sequence[int], channels: int) -> None:
    """Raise InvalidInput unless the latents' shape (f, channels, h, w) fits the conditions."""
    found, expected = tuple(latents), (shape.frames, channels, *shape.latent_size)
    if found != expected:
        raise InvalidInput(
            f"The latents are {found}, but the conditioning was made for {shape.frames} frames of "
            f"{shape.width}x{shape.height} pixels, which are {expected}: connect the LATENT of the same "
            "Animate-X Conditioning."
        )


def check_all_frames(shape: ClipShape, passes: int, latents: Sequence[int], channels: int) -> None:
    """Raise InvalidInput if another node only denoises a part of the video's latents."""
    if tuple(latents) != (passes * shape.frames, channels, *shape.latent_size):
        raise InvalidInput(
            "Only a part of the latents is denoised, but Animate-X's conditioning is for the whole video: "
            "use a mask instead of an area, and long_clip of Animate-X Sampler instead of context windows."
        )


def match_to_model(
    inputs: ConditionInputs, own_text: Tensor | None, config: DenoiserConfig
) -> ConditionInputs:
    """Return inputs for a denoiser, with the text context of its file if the user provided none.

    Args:
        inputs: From Animate-X Conditioning.
        own_text: (1, tokens, context_dim); None if the file has none.
        config: Sizes of the denoiser.

    Raises:
        InvalidInput: For inputs that were encoded for another model.

    """
    embedding, text = inputs.image_embedding, inputs.text_context
    if embedding is not None and embedding.shape[2] != config.context_dim:
        raise InvalidInput(
            f"The CLIP_VISION gives features of width {embedding.shape[2]}, but the model needs "
            f"{config.context_dim}: choose the encoder that belongs to the model in Load Animate-X Encoders."
        )
    if text.numel():
        expected, found = (config.text_tokens, config.context_dim), tuple(text.shape[1:])
        if found != expected:
            raise InvalidInput(
                f"empty_text has {found[0]} tokens of width {found[1]}, but the model needs {expected[0]} of "
                f"width {expected[1]}: {EMPTY_TEXT_REMEDY}."
            )
        return inputs
    if own_text is None:
        raise InvalidInput(
            "The original checkpoint does not contain the embedding of the empty text: convert it with "
            f"`python -m animatex_core convert`, or {EMPTY_TEXT_REMEDY}."
        )
    return replace(inputs, text_context=own_text)
