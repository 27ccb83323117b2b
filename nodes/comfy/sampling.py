"""Samples a whole video with ComfyUI: at once, in windows, or in segments one after another."""

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
from comfy.samplers import CFGGuider, sampling_function
from torch import Tensor

from ...animatex_core.animate_x.pins import Pins
from ...animatex_core.animate_x.presets import warn_of_guidance
from ...animatex_core.animate_x.sampling import SamplingSettings, Segments, require_finite
from ...animatex_core.animate_x.windows import LongClip, warn_of_windows
from ...animatex_core.diffusion.guidance import Guidance
from ...animatex_core.diffusion.long_clips import Span, chained_segments, sample_segments
from ...animatex_core.errors import InvalidInput
from ...animatex_core.utils.devices import is_out_of_memory
from .conditioning import Conditioning, check_latents, get_clip_condition, slice_frames, with_windows
from .denoiser import require_animatex
from .images import to_intermediate
from .pins import pin_video
from .solvers import Callback, VideoNoise, build_sampler, sigma_table, to_batch, to_video_latent

CondPair = tuple[Conditioning, Conditioning]
"""Positive and negative conditioning."""


class IntervalGuider(CFGGuider):
    """Classifier-free guidance in an interval; outside of it only the conditional pass runs."""

    def __init__(self, model: ModelPatcher, guidance: Guidance) -> None:
        super().__init__(model)
        self.set_cfg(guidance.scale)
        self.guidance, self.table = guidance, sigma_table(model.get_model_object("model_sampling"))

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: dict[str, Any], seed: int | None = None
    ) -> Tensor:
        """Predict clean latents like x; ComfyUI's `timestep` is a sigma for every frame."""
        applies = self.guidance.applies(self.table.timestep(timestep[0].item()))
        negative, positive = self.conds["negative"], self.conds["positive"]
        scale = self.cfg if applies else 1.0
        return sampling_function(
            self.inner_model, x, timestep, negative, positive, scale, model_options=model_options, seed=seed
        )


def sample_video(
    model: ModelPatcher,
    conds: CondPair,
    latent: Mapping[str, Any],
    settings: SamplingSettings,
    denoise: float,
    pins: Pins | None = None,
) -> dict[str, Any]:
    """Sample a video.

    Args:
        model: The MODEL of Animate-X.
        conds: From one Animate-X Conditioning.
        latent: The LATENT; its samples are (f, 4, h, w).
        settings: The settings of the core.
        denoise: Denoising strength in 0..1.
        pins: Given first and last frames, in the scale of a LATENT.

    Returns:
        A LATENT like `latent`.

    Raises:
        InvalidInput: For inputs that do not belong together, and for a result with NaN or infinity.
        OOM_EXCEPTION: What ComfyUI recognises as out of memory, with advice on what to lower.

    """
    denoiser = require_animatex(model)
    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"]).float()
    if not all(conds):
        raise InvalidInput(
            "A conditioning is empty: connect positive and negative of one Animate-X Conditioning."
        )
    for _, values in (*conds[0], *conds[1]):
        channels = denoiser.denoiser.latent_channels
        check_latents(get_clip_condition(values).inputs.shape, samples.shape, channels)
    plan = settings.long_clip
    denoiser.trained_on.warn_of_length(len(samples) if plan is None else min(plan.size, len(samples)))
    warn_of_guidance(settings.guidance.scale, denoiser.denoiser.puppet)
    warn_of_windows(plan, len(samples), denoiser.denoiser.ignores_noise)
    mask = latent.get("noise_mask")
    if pins is not None:
        conds, samples, mask = pin_video(denoiser, conds, samples, mask, pins)
    start = _initialize(samples, mask, settings, denoise)
    result = _report_oom(lambda: _sample(model, conds, start, settings, denoise))
    return {**latent, "samples": to_intermediate(require_finite(result))}


@dataclass(frozen=True, eq=False)
class _SamplerInput:
    """What sampling starts from.

    Attributes:
        samples: Latents (f, 4, h, w).
        noise: (f, 4, h, w).
        mask: (f, 1, h, w), 0 where the latents are kept.

    """

    samples: Tensor
    noise: Tensor
    mask: Tensor | None

    def part(self, span: Span) -> "_SamplerInput":
        own = slice(span.start, span.stop)
        return _SamplerInput(
            self.samples[own], self.noise[own], None if self.mask is None else self.mask[own]
        )

    def with_known_frames(self, known: Tensor) -> "_SamplerInput":
        return replace(self, samples=torch.cat([known.to(self.samples), self.samples[len(known) :]]))


def _initialize(
    samples: Tensor, mask: Tensor | None, settings: SamplingSettings, denoise: float
) -> _SamplerInput:
    noise = VideoNoise(settings.seed, settings.offset_noise).generate_noise({"samples": samples})
    if mask is not None:
        # One channel: ComfyUI prepares the mask once more, and would take channels for frames.
        mask = prepare_mask(mask, samples.shape, samples.device)[:, :1]
    if denoise == 1:  # sampling that starts short of pure noise would keep something of the latents
        samples = torch.zeros_like(samples) if mask is None else samples * (mask < 1)
    return _SamplerInput(samples, noise, mask)


def _sample(
    model: ModelPatcher, conds: CondPair, whole: _SamplerInput, settings: SamplingSettings, denoise: float
) -> Tensor:
    solver, sigmas = build_sampler(model, settings.solver, settings.steps, denoise)
    plan, frames = settings.long_clip, len(whole.samples)
    # Windows are not sampled one after another: the model denoises all of them at every step.
    is_segmented = isinstance(plan, Segments)
    spans: Sequence[Span] = chained_segments(frames, plan.size) if is_segmented else [Span(0, frames)]
    callback = latent_preview.prepare_callback(model, len(spans) * len(sigmas))
    disable_pbar = not comfy.utils.PROGRESS_BAR_ENABLED

    def segment(index: int, known: Tensor | None) -> Tensor:
        start, own = whole.part(spans[index]), solver
        if known is not None:
            own = replace(solver, known_frames=to_batch(known))
            start = start if denoise == 1 else start.with_known_frames(to_batch(known))
        guider = IntervalGuider(model, settings.guidance)
        guider.set_conds(*(_cond_for_span(spans[index], each, plan) for each in conds))
        report = _offset_callback(callback, index, len(spans))
        return to_video_latent(
            guider.sample(
                start.noise, start.samples, own, sigmas, start.mask, report, disable_pbar, settings.seed
            )
        )

    return to_batch(sample_segments(spans, segment))


def _cond_for_span(span: Span, conditioning: Conditioning, plan: LongClip | None) -> Conditioning:
    if isinstance(plan, Segments):
        return slice_frames(conditioning, span.start, span.stop)
    return with_windows(conditioning, plan)


def _offset_callback(callback: Callback, segment: int, segments: int) -> Callback:
    """Report the steps of one segment as steps of the whole video, and preview another frame in each.

    ComfyUI previews the first frame of what it is given; other packs preview all, so none is left out.
    """

    def report(index: int, x0: Tensor, x: Tensor, total: int) -> None:
        frames = x0.roll(-previewed_frame(index, total, len(x0)), 0)
        callback(segment * total + index, frames, x, segments * total)

    return report


def previewed_frame(step: int, steps: int, frames: int) -> int:
    """Return the frame that is previewed after a step: from the first to the last one as sampling goes on."""
    return step * (frames - 1) // max(steps - 1, 1)


def _report_oom(work: Callable[[], Tensor]) -> Tensor:
    """Run work, and if memory runs out say what to lower.

    The new error is raised after the allocator's own error is gone, whose traceback would keep everything
    that was allocated while ComfyUI unloads its models.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    raise OOM_EXCEPTION(
        "The video does not fit into memory: set long_clip to windows or segments and lower frames_at_once, "
        "or lower width and height in Animate-X Conditioning."
    )
