"""A whole clip through ComfyUI's sampling: in one go, in windows, or in segments one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.sample
import comfy.utils
import latent_preview
import torch
from comfy.model_management import OOM_EXCEPTION
from comfy.model_patcher import ModelPatcher
from comfy.sampler_helpers import prepare_mask
from torch import Tensor

from ...animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows, finite_clip
from ...animatex_core.diffusion.long_clips import Span, chained_segments, sample_segments
from ...animatex_core.errors import InvalidInput
from ...animatex_core.utils.devices import is_out_of_memory
from .conditions import Conditioning, clip_condition, window_of, with_windows
from .encoded import check_latents
from .guider import IntervalGuider
from .intermediate import as_intermediate
from .layout import clip_of, frames_of
from .model import AnimateXModel
from .noise import ClipNoise
from .solver import Callback, solver_and_sigmas

Told = tuple[Conditioning, Conditioning]
"""What the model is told in its two passes: positive and negative."""


def sample_clip(
    model: ModelPatcher, told: Told, latent: Mapping[str, Any], settings: SamplingSettings, denoise: float
) -> dict[str, Any]:
    """Return a LATENT like `latent`, with its samples (f, 4, h, w) sampled.

    Raises InvalidInput for inputs that do not belong together and for a clip that is not finite, and where
    memory is too small what ComfyUI knows as that, with what to lower.
    """
    if not isinstance(model.model, AnimateXModel):
        raise InvalidInput("The MODEL is not Animate-X: wire that of the node Load Animate-X Model.")
    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"]).float()
    if not all(told):
        raise InvalidInput("A conditioning is empty: wire the positive and the negative of one node.")
    for _, values in (*told[0], *told[1]):
        channels = model.model.denoiser.latent_channels
        check_latents(clip_condition(values).inputs.shape, samples.shape, channels)
    plan = settings.long_clip
    model.model.trained_on.warn_of_length(len(samples) if plan is None else min(plan.size, len(samples)))
    start = _start(samples, latent.get("noise_mask"), settings, denoise)
    result = _within_memory(lambda: _sampled(model, told, start, settings, denoise))
    return {**latent, "samples": as_intermediate(finite_clip(result))}


@dataclass(frozen=True, eq=False)
class _Start:
    """What frames begin with: latents and noise (f, 4, h, w); mask (f, 1, h, w): 0 where they stay."""

    samples: Tensor
    noise: Tensor
    mask: Tensor | None

    def part(self, span: Span) -> "_Start":
        own = slice(span.start, span.stop)
        return _Start(self.samples[own], self.noise[own], None if self.mask is None else self.mask[own])

    def after(self, known: Tensor) -> "_Start":
        """Return the start of a segment whose first frames are known."""
        return replace(self, samples=torch.cat([known.to(self.samples), self.samples[len(known) :]]))


def _start(samples: Tensor, mask: Tensor | None, settings: SamplingSettings, denoise: float) -> _Start:
    noise = ClipNoise(settings.seed, settings.offset_noise).generate_noise({"samples": samples})
    if mask is not None:
        # One channel, since ComfyUI will prepare it once more and takes channels for frames then.
        mask = prepare_mask(mask, samples.shape, samples.device)[:, :1]
    if denoise == 1:  # a way that begins short of pure noise would keep something of them
        samples = torch.zeros_like(samples) if mask is None else samples * (mask < 1)
    return _Start(samples, noise, mask)


def _sampled(
    model: ModelPatcher, told: Told, whole: _Start, settings: SamplingSettings, denoise: float
) -> Tensor:
    solver, sigmas = solver_and_sigmas(model, settings.solver, settings.steps, denoise)
    spans = _spans(len(whole.samples), settings.long_clip)
    callback = latent_preview.prepare_callback(model, len(spans) * len(sigmas))
    silent = not comfy.utils.PROGRESS_BAR_ENABLED

    def segment(index: int, known: Tensor | None) -> Tensor:
        start, own = whole.part(spans[index]), solver
        if known is not None:
            own = replace(solver, known=frames_of(known))
            start = start if denoise == 1 else start.after(frames_of(known))
        guider = IntervalGuider(model, settings.guidance)
        guider.set_conds(*(_told_in(spans[index], each, settings.long_clip) for each in told))
        report = _shifted(callback, index, len(spans))
        return clip_of(
            guider.sample(start.noise, start.samples, own, sigmas, start.mask, report, silent, settings.seed)
        )

    return frames_of(sample_segments(spans, segment))


def _spans(frames: int, plan: Windows | Segments | None) -> Sequence[Span]:
    """Return the parts that are sampled one after the other; windows are all in the model at every step."""
    return chained_segments(frames, plan.size) if isinstance(plan, Segments) else [Span(0, frames)]


def _told_in(span: Span, conditioning: Conditioning, plan: Windows | Segments | None) -> Conditioning:
    if isinstance(plan, Segments):
        return window_of(conditioning, span.start, span.stop)
    return with_windows(conditioning, plan)


def _shifted(callback: Callback, segment: int, segments: int) -> Callback:
    """Report the steps of one segment as steps of the whole clip."""

    def report(index: int, x0: Tensor, x: Tensor, total: int) -> None:
        callback(segment * total + index, x0, x, segments * total)

    return report


def _within_memory(work: Callable[[], Tensor]) -> Tensor:
    """Work, and where the memory is too small say what to lower.

    That is said after the allocator's own error is gone, whose traceback would keep all that was allocated
    while ComfyUI unloads its models.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    raise OOM_EXCEPTION(
        "The clip does not fit into memory: set long_clip to windows or segments and lower frames_at_once, "
        "or lower the width and height of Animate-X Conditioning."
    )
