"""Sampling: from the conditions of a video and a seed to clean latents, and from latents to frames."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..diffusion.closed_windows import blend_spans
from ..diffusion.guidance import with_batched_guidance, with_guidance
from ..diffusion.long_clips import Span, chained_segments, sample_segments, with_known_frames
from ..diffusion.pinning import PinnedLatents, with_pinned_frames
from ..diffusion.schedule import NoiseSchedule, initial_noise
from ..diffusion.solvers import SOLVERS, Denoiser, OnStep, StepInfo
from ..diffusion.spread import made_on_first_call, spread_windows
from ..encoders.base import LatentCodec
from ..errors import InvalidInput
from ..utils.devices import free_cuda_bytes, reraise_oom
from ..utils.progress import Progress, with_progress
from ..utils.ranks import ALONE, Ranks
from .conditions import ConditionInputs, Conditions
from .settings import SamplingSettings
from .shapes import activation_bytes
from .unet import AnimateXUNet
from .windows import Segments, Windows

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
        plan = self.settings.long_clip
        windows = len(plan.spans(frames)) if isinstance(plan, Windows) else 1
        return windows if self.settings.guidance.scale == 1 else 2 * windows

    def _spread_denoiser(self, inputs: ConditionInputs) -> Denoiser:
        """Denoise a video or segment in several processes, each of which encodes what it needs."""
        plan, frames = self.settings.long_clip, inputs.shape.frames
        spans = plan.spans(frames) if isinstance(plan, Windows) else (Span(0, frames),)
        weights = plan.weights if isinstance(plan, Windows) else "uniform"
        offload = torch.device("cpu") if len(spans) > 1 else None
        parts = [inputs.window(span.start, span.stop) for span in spans] if len(spans) > 1 else [inputs]

        def unconditional() -> Denoiser:
            return partial(self._predict, conditions=self._encode(parts[0].unconditional()))

        conditional = [made_on_first_call(partial(self._denoiser, part, None, offload)) for part in parts]
        unguided = made_on_first_call(unconditional)
        return spread_windows(conditional, unguided, spans, weights, self.settings.guidance, self.ranks)

    def _video_denoiser(self, inputs: ConditionInputs) -> Denoiser:
        if self.ranks.size > 1:
            return self._spread_denoiser(inputs)
        plan, frames = self.settings.long_clip, inputs.shape.frames
        if not isinstance(plan, Windows):
            return self._denoiser(inputs, self._unconditional(inputs))
        spans = plan.spans(frames)
        # All windows have one length, so they share their unconditional conditions.
        unconditional = self._unconditional(inputs.window(spans[0].start, spans[0].stop))
        offload = torch.device("cpu") if len(spans) > 1 else None
        denoisers = [
            self._denoiser(inputs.window(span.start, span.stop), unconditional, offload) for span in spans
        ]
        return blend_spans(denoisers, spans, frames, plan.weights)

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


def _shift(on_step: OnStep, segment: int, segments: int) -> OnStep:
    """Report the steps of one segment as steps of the whole video."""

    def report(info: StepInfo) -> None:
        on_step(replace(info, index=segment * info.total + info.index, total=segments * info.total))

    return report


def decode_frames(autoencoder: LatentCodec, latents: Tensor, progress: Progress) -> np.ndarray:
    """Decode latents frame by frame.

    Args:
        autoencoder: Decodes them.
        latents: (1, c, f, h, w).
        progress: Called with the frames done and their number; may raise to cancel.

    Returns:
        (f, height, width, 3) uint8 in RGB.

    """
    frames = rearrange(latents, "1 c f h w -> f c h w")
    decoded = (to_bytes(autoencoder.decode(latent[None])[0]) for latent in frames)
    return np.stack(list(with_progress(decoded, len(frames), progress)))


def to_bytes(image: Tensor) -> np.ndarray:
    """(3, h, w) around -1..1 -> (h, w, 3) uint8, rounded down as in the official code."""
    unit = (image.float().cpu() * 0.5 + 0.5).clamp(0, 1)
    return rearrange((unit * 255).byte(), "c h w -> h w c").numpy()
