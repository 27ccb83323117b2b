"""Sampling: from the conditions of a video and a seed to clean latents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..diffusion.alternating_windows import Layout, alternate
from ..diffusion.closed_windows import blend_spans
from ..diffusion.guidance import with_batched_guidance, with_guidance
from ..diffusion.long_clips import Span, WindowWeights, chained_segments, sample_segments, with_known_frames
from ..diffusion.pinning import PinnedLatents, with_pinned_frames
from ..diffusion.schedule import NoiseSchedule, initial_noise
from ..diffusion.solvers import SOLVERS, Denoiser, OnStep, StepInfo
from ..diffusion.spread import made_on_first_call, spread_windows
from ..errors import InvalidInput
from ..utils.devices import free_cuda_bytes, reraise_oom
from ..utils.ranks import ALONE, Ranks
from .conditions import ConditionInputs, Conditions
from .settings import SamplingSettings
from .shapes import activation_bytes
from .unet import AnimateXUNet
from .windows import Segments, WindowPlan, Windows

__all__ = ["SamplingSettings", "Segments", "Windows", "require_finite", "sample_latents"]


@torch.no_grad()
def sample_latents(
    unet: AnimateXUNet,
    inputs: ConditionInputs,
    settings: SamplingSettings,
    on_step: OnStep | None = None,
    ranks: Ranks = ALONE,
) -> Tensor:
    """Sample the clean latents of a video.

    Args:
        unet: The denoiser, in eval mode.
        inputs: The conditions.
        settings: How to sample.
        on_step: Called after every step; may raise to cancel.
        ranks: The processes that sample together. All of them call this with the same arguments but for
            `on_step`, and get the same latents.

    Returns:
        (b, latent_channels, f, h, w) float32, on the device of the denoiser.

    Raises:
        OutOfMemory: The video does not fit into memory.
        InvalidInput: Settings or conditions are invalid, or the result is not finite.
        AnimateXError: Another process failed.

    """
    size = f"{inputs.shape.frames} frames of {inputs.shape.width}x{inputs.shape.height}"
    with (
        ranks.together(),
        reraise_oom(
            f"{size} do not fit into memory: use windows of fewer frames, lower width and height, or load "
            "the denoiser in bf16 or fp16."
        ),
    ):
        if unet.training:
            raise InvalidInput(
                "The denoiser is in training mode, with dropout enabled: call its eval() first."
            )
        inputs.check_finite()
        sampler = _Sampler(unet, settings, NoiseSchedule.released(), ranks)
        shape = inputs.shape.latents(inputs.batch, unet.config.latent_channels)
        noise = initial_noise(shape, settings.seed, settings.offset_noise).to(sampler.device)
        return require_finite(sampler.run(inputs, noise, on_step))


def require_finite(latents: Tensor) -> Tensor:
    """Return latents unchanged; raises InvalidInput where they contain NaN or infinity."""
    if not latents.isfinite().all():
        raise InvalidInput("The video became NaN or infinite: load the denoiser in bf16 or fp32.")
    return latents


@dataclass(frozen=True)
class _Sampler:
    unet: AnimateXUNet
    settings: SamplingSettings
    schedule: NoiseSchedule
    ranks: Ranks = ALONE

    @property
    def device(self) -> torch.device:
        """The device of the denoiser."""
        return next(self.unet.parameters()).device

    def run(self, inputs: ConditionInputs, noise: Tensor, on_step: OnStep | None) -> Tensor:
        """Denoise a video, in segments where the settings say so."""
        self.ranks.warn_of_idle(self._parts(inputs.shape.frames))
        if not isinstance(self.settings.long_clip, Segments):
            return self.sample(inputs, noise, on_step)
        spans = chained_segments(inputs.shape.frames, self.settings.long_clip.size)

        def segment(index: int, known: Tensor | None) -> Tensor:
            span = spans[index]
            report = None if on_step is None else _shift(on_step, index, len(spans))
            return self.sample(inputs.window(span.start, span.stop), span.of(noise), report, known)

        return sample_segments(spans, segment)

    def sample(
        self, inputs: ConditionInputs, noise: Tensor, on_step: OnStep | None, known: Tensor | None = None
    ) -> Tensor:
        """Denoise a video or segment; `known` fixes its first frames."""
        denoiser = self._video_denoiser(inputs)
        if known is not None:
            denoiser = with_known_frames(denoiser, self.schedule, known)
        solver, timesteps = SOLVERS[self.settings.solver], self.settings.timesteps
        if inputs.pinned_latents is None or inputs.pin_strength is None:
            return solver(denoiser, noise, self.schedule, timesteps, on_step)
        pinned = PinnedLatents(inputs.pinned_latents, inputs.pin_strength)
        denoiser = with_pinned_frames(denoiser, self.schedule, pinned, noise)
        start = pinned.start(noise, self.schedule, timesteps.visited[0])
        return pinned.restore(solver(denoiser, start, self.schedule, timesteps, on_step))

    def _parts(self, frames: int) -> int:
        """Return how many passes of a step do not depend on each other."""
        windows = max(len(layout) for layout in self._layouts(frames))
        return windows if self.settings.guidance.scale == 1 else 2 * windows

    def _layouts(self, frames: int) -> tuple[Layout, ...]:
        plan = self.settings.long_clip
        return plan.layouts(frames) if isinstance(plan, WindowPlan) else ((Span(0, frames),),)

    def _video_denoiser(self, inputs: ConditionInputs) -> Denoiser:
        layouts = self._layouts(inputs.shape.frames)
        spans = dict.fromkeys(span for layout in layouts for span in layout)
        windows = {
            span: inputs if len(spans) == 1 else inputs.window(span.start, span.stop) for span in spans
        }
        blend = self._spread(windows) if self.ranks.size > 1 else self._blend(windows, inputs.shape.frames)
        return alternate([blend(layout) for layout in layouts], self.settings.timesteps)

    def _blend(self, windows: Mapping[Span, ConditionInputs], frames: int) -> Callable[[Layout], Denoiser]:
        """Return what denoises a video in the windows of a layout, one after another."""
        # All windows have one length, so they share their unconditional conditions.
        unconditional = self._unconditional(next(iter(windows.values())))
        offload = _offload(windows)
        denoisers = {span: self._denoiser(own, unconditional, offload) for span, own in windows.items()}

        def blend(layout: Layout) -> Denoiser:
            if len(windows) == 1:
                return denoisers[layout[0]]
            return blend_spans([denoisers[span] for span in layout], layout, frames, self._weights)

        return blend

    def _spread(self, windows: Mapping[Span, ConditionInputs]) -> Callable[[Layout], Denoiser]:
        """Return what denoises a layout in several processes, each of which encodes what it needs."""
        first, offload = next(iter(windows.values())), _offload(windows)

        def unconditional() -> Denoiser:
            return partial(self._predict, conditions=self._encode(first.unconditional()))

        unguided = made_on_first_call(unconditional)
        conditional = {
            span: made_on_first_call(partial(self._denoiser, own, None, offload))
            for span, own in windows.items()
        }

        def spread(layout: Layout) -> Denoiser:
            own = [conditional[span] for span in layout]
            return spread_windows(own, unguided, layout, self._weights, self.settings.guidance, self.ranks)

        return spread

    @property
    def _weights(self) -> WindowWeights:
        plan = self.settings.long_clip
        return plan.weights if isinstance(plan, WindowPlan) else "uniform"

    def _unconditional(self, inputs: ConditionInputs) -> Conditions | None:
        return None if self.settings.guidance.scale == 1 else self._encode(inputs.unconditional())

    def _denoiser(
        self,
        inputs: ConditionInputs,
        unconditional: Conditions | None,
        offload: torch.device | None = None,
    ) -> Denoiser:
        """Return the guided denoiser of a video or window, its conditions offloaded between the steps."""
        pose = self.settings.pose
        first, *others = pose.factors
        encoded = {factor: self._encode(inputs, factor).to(offload) for factor in (first, *others)}

        def conditions(x: Tensor, t: Tensor) -> Conditions:
            # Reading t waits for the device, so it is only done where the factor depends on it.
            return encoded[pose.at(t[0].item()) if others else first].to(x.device)

        def conditional(x: Tensor, t: Tensor) -> Tensor:
            return self._predict(x, t, conditions(x, t))

        if unconditional is None:
            return conditional
        if not self._fits_as_batch(inputs):
            unguided = partial(self._predict, conditions=unconditional)
            return with_guidance(conditional, unguided, self.settings.guidance)

        def both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            stacked = Conditions.stack([conditions(x, t), unconditional])
            c, u = self._predict(torch.cat([x, x]), torch.cat([t, t]), stacked).chunk(2)
            return c, u

        return with_batched_guidance(both, conditional, self.settings.guidance)

    def _encode(self, inputs: ConditionInputs, pose_strength: float = 1.0) -> Conditions:
        # Images of a long video stay on their device; only those of one window are moved to the denoiser. The
        # videos of a batch are encoded one by one: the official keypoint encoder would mix them.
        videos = (video.to(self.device, self.unet.dtype) for video in inputs.clips())
        return Conditions.stack([self.unet.encode(video, pose_strength) for video in videos])

    def _predict(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        return self.unet(x.to(self.unet.dtype), t, conditions)

    def _fits_as_batch(self, inputs: ConditionInputs) -> bool:
        if self.settings.batch_guidance is not None:
            return self.settings.batch_guidance
        if self.device.type != "cuda":
            return False
        needed = activation_bytes(self.unet.config, inputs.shape, self.unet.dtype, 2 * inputs.batch)
        return needed < free_cuda_bytes(self.device)


def _offload(windows: Mapping[Span, ConditionInputs]) -> torch.device | None:
    """Return where the conditions of each window wait between the steps; None for where they are."""
    return torch.device("cpu") if len(windows) > 1 else None


def _shift(on_step: OnStep, segment: int, segments: int) -> OnStep:
    """Report the steps of one segment as steps of the whole video."""

    def report(info: StepInfo) -> None:
        on_step(replace(info, index=segment * info.total + info.index, total=segments * info.total))

    return report
