"""Encoded conditions on their way through ComfyUI's sampling to the model."""

from collections.abc import Callable, Sequence

from comfy.conds import CONDRegular

from ...animatex_core.animate_x.conditions import ConditionInputs, Conditions
from ...animatex_core.animate_x.sampling import Windows
from ...animatex_core.animate_x.shapes import ClipShape
from ...animatex_core.diffusion.long_clips import Span, Weights, overlapping_windows
from ...animatex_core.errors import InvalidInput
from .conditions import ClipCondition

Encode = Callable[[ConditionInputs], Conditions]


class EncodedClip(CONDRegular):
    """What one pass is told of a clip, encoded for each of the windows in which the clip is denoised.

    ComfyUI asks it how it repeats over a batch (not at all: it is of the whole clip) and what it can be
    batched with. It has no `dtype`, so that ComfyUI never takes it for a tensor.
    """

    def __init__(
        self, shape: ClipShape, spans: tuple[Span, ...], weights: Weights, encodings: list[Conditions]
    ) -> None:
        super().__init__(None)
        self.shape, self.spans = shape, spans
        self.weights: Weights = weights
        self.encodings = encodings

    def process_cond(self, batch_size: int, **_: object) -> "EncodedClip":
        """Return what belongs to a batch of latents: all of it."""
        return self

    def can_concat(self, other: "EncodedClip") -> bool:
        """Whether both passes can run as one batch."""
        return (self.shape, self.spans, self.weights) == (other.shape, other.spans, other.weights)

    def concat(self, others: Sequence["EncodedClip"]) -> list["EncodedClip"]:
        """Return what the model gets for several passes in one batch."""
        return [self, *others]

    def size(self) -> list[int]:
        """Return what `memory_of` reads."""
        return memory_shape(self.shape, self.spans)


def encoded(condition: ClipCondition, windows: Windows | None, encode: Encode) -> EncodedClip:
    """Encode the conditions of a clip, window by window."""
    inputs = condition.said()
    spans = spans_of(inputs.shape, windows)
    weights = (windows or Windows()).weights
    if not condition.conditional:
        # All windows have one length, so they share what is said in this pass: nothing.
        encodings = [encode(inputs.window(0, len(spans[0])))] * len(spans)
    elif len(spans) == 1:
        encodings = [encode(inputs)]
    else:  # they rest in ordinary memory, and visit the model one at a time
        encodings = [encode(inputs.window(span.start, span.stop)).to("cpu") for span in spans]
    return EncodedClip(inputs.shape, spans, weights, encodings)


def spans_of(shape: ClipShape, windows: Windows | None) -> tuple[Span, ...]:
    """Return the parts in which a clip is denoised."""
    if windows is None:
        return (Span(0, shape.frames),)
    return overlapping_windows(shape.frames, windows.size, windows.overlap)


def memory_shape(shape: ClipShape, spans: Sequence[Span]) -> list[int]:
    """Return [frames of the clip, frames that are in the network at once]."""
    return [shape.frames, len(spans[0])]


def check_latents(shape: ClipShape, latents: Sequence[int], channels: int) -> None:
    """Raise InvalidInput unless latents (f, channels, h, w) are those that the conditions were made for."""
    found, expected = tuple(latents), (shape.frames, channels, *shape.latent_size)
    if found != expected:
        raise InvalidInput(
            f"The latents are {found}, but the conditioning was made for {shape.frames} frames of "
            f"{shape.width}x{shape.height} pixels, which are {expected}: wire the LATENT of the same "
            "Animate-X Conditioning node."
        )


def check_whole(shape: ClipShape, passes: int, latents: Sequence[int], channels: int) -> None:
    """Raise InvalidInput where another node has only a part of the clip's latents denoised."""
    if tuple(latents) != (passes * shape.frames, channels, *shape.latent_size):
        raise InvalidInput(
            "Only a part of the clip is to be denoised, but Animate-X's conditioning is of the whole: set a "
            "mask in place of an area, and choose long_clip of Animate-X Sampler in place of context windows."
        )
