"""Windows and guidance passes of a step, spread over several processes.

Every process blends all results in the order in which one process would, so the latents stay the same in all
of them. On the CPU they are bit-identical to those of one process.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from ..utils.ranks import Ranks, Task
from .closed_windows import blend_spans
from .guidance import Guidance, with_batched_guidance
from .long_clips import Span, WindowWeights
from .solvers import Denoiser


def spread_windows(
    conditional: Sequence[Denoiser],
    unconditional: Denoiser,
    spans: Sequence[Span],
    weights: WindowWeights,
    guidance: Guidance,
    ranks: Ranks,
) -> Denoiser:
    """Blend windows with guidance, as `with_guidance` and `blend_spans` do, in several processes.

    Args:
        conditional: The conditional pass of each window.
        unconditional: The unconditional pass, which all windows share. Not called at guidance scale 1.
        spans: The windows, all of one length.
        weights: As in `window_weights`.
        guidance: Strength and interval.
        ranks: The processes.

    Returns:
        A denoiser of all frames, to be called within `Ranks.together`.

    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        passes = (unconditional,) if guidance.applies(t[0].item()) else ()
        frames = [_frames_of(x, span, spans) for span in spans]
        tasks: list[Task] = [
            partial(each, part, t)
            for own, part in zip(conditional, frames, strict=True)
            for each in (own, *passes)
        ]
        window = _with_results(iter(ranks.compute(tasks, frames[0])), guidance)
        return blend_spans([window] * len(spans), spans, x.shape[2], weights)(x, t)

    return denoise


def spread_guidance(
    conditional: Denoiser, unconditional: Denoiser, guidance: Guidance, ranks: Ranks
) -> Denoiser:
    """Apply guidance as `with_guidance` does, with each pass in its own process.

    Returns:
        A denoiser, to be called within `Ranks.together`.

    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        passes = [conditional, unconditional] if guidance.applies(t[0].item()) else [conditional]
        tasks: list[Task] = [partial(each, x, t) for each in passes]
        return _with_results(iter(ranks.compute(tasks, x)), guidance)(x, t)

    return denoise


def made_on_first_call(make: Callable[[], Denoiser]) -> Denoiser:
    """Return a denoiser that is only made when, and if, this process calls it."""
    made = cache(make)
    return lambda x, t: made()(x, t)


def _with_results(results: Iterator[Tensor], guidance: Guidance) -> Denoiser:
    """Guide with results that are computed already, in the order in which they would be."""
    return with_batched_guidance(
        lambda x, t: (next(results), next(results)), lambda x, t: next(results), guidance
    )


def _frames_of(x: Tensor, span: Span, spans: Sequence[Span]) -> Tensor:
    frames = x.shape[2]
    if spans[-1].stop <= frames:
        return span.of(x)
    return x.index_select(2, torch.arange(span.start, span.stop, device=x.device) % frames)
