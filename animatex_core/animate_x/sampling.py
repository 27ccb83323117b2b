"""From encoded conditions and a seed to clean latents: where the denoiser and the solvers meet."""

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import get_args

import torch
from torch import Tensor

from ..diffusion.guidance import Guidance, guided, guided_pair
from ..diffusion.long_clips import (
    Weights,
    chained_segments,
    overlapping_windows,
    sample_segments,
    windowed,
    with_known_frames,
)
from ..diffusion.schedule import NoiseSchedule, Timesteps, initial_noise
from ..diffusion.solvers import SOLVERS, TIMESTEPS_OF, Denoiser, OnStep, StepInfo
from ..errors import InvalidInput
from ..utils.devices import reraise_oom
from ..utils.validation import require_int
from .conditions import ConditionInputs, Conditions
from .shapes import activation_bytes
from .unet import AnimateXUNet

SEEDS = 2**64  # that torch's generators know


@dataclass(frozen=True)
class Windows:
    """Overlapping windows that are blended at every step: constant memory, every frame sees its neighbours.

    size, overlap: frames. A window larger than the clip is the whole clip.
    """

    size: int = 32
    overlap: int = 8
    weights: Weights = "smooth"

    def __post_init__(self) -> None:
        require_int("window size", self.size)
        require_int("overlap", self.overlap, least=0)
        if self.overlap >= self.size:
            raise InvalidInput(
                f"windows of {self.size} frames overlap by {self.overlap}: take a smaller overlap."
            )
        if self.weights not in get_args(Weights):
            raise InvalidInput(f"weights is {self.weights!r}: choose one of {', '.join(get_args(Weights))}.")


@dataclass(frozen=True)
class Segments:
    """Segments of `size` frames, one sampled after the other, each from the last frame of the one before."""

    size: int = 32

    def __post_init__(self) -> None:
        require_int("segment size", self.size, least=2)


@dataclass(frozen=True)
class SamplingSettings:
    """How to sample.

    solver: a name in `SOLVERS`: "ddim" as released, or "dpm++2m" for few steps.
    steps: 30 in the release, 50 in the paper. offset_noise: strength of the noise that whole frames share.
    long_clip: None denoises all frames at once.
    batch_guidance: run the conditional and the unconditional pass as one batch; None does so on CUDA where
        the memory allows it. It changes results by rounding alone.
    """

    solver: str = "ddim"
    steps: int = 30
    guidance: Guidance = field(default_factory=Guidance)
    seed: int = 0
    offset_noise: float = 0.1
    long_clip: Windows | Segments | None = None
    batch_guidance: bool | None = None

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise InvalidInput(f"solver is {self.solver!r}: choose one of these: {', '.join(SOLVERS)}.")
        require_int("steps", self.steps)
        _ = self.timesteps  # refuses steps that have no way
        require_int("seed", self.seed, least=0)
        if self.seed >= SEEDS:
            raise InvalidInput(f"seed is {self.seed}, but there are only 2^64 seeds: take a smaller one.")
        if not math.isfinite(self.offset_noise):
            raise InvalidInput(f"offset_noise is {self.offset_noise}: take 0.1, as released.")
        if not isinstance(self.long_clip, Windows | Segments | None):
            raise InvalidInput(f"long_clip is {self.long_clip!r}: give Windows(...), Segments(...) or None.")

    @property
    def timesteps(self) -> Timesteps:
        """The way that the solver takes in these steps."""
        return TIMESTEPS_OF[self.solver](self.steps)


FOR_SMALL = SamplingSettings(solver="dpm++2m", steps=2, guidance=Guidance(1.5), long_clip=Windows(8, 4))
"""What suits the small bundle, which learned from 8 frames at once. In more steps the errors of so small a
network add up: limbs in the colours of others, and shreds around them."""


@torch.no_grad()
def sample_latents(
    unet: AnimateXUNet, inputs: ConditionInputs, settings: SamplingSettings, on_step: OnStep | None = None
) -> Tensor:
    """Sample the clean latents (b, latent_channels, f, h, w) of a clip, float32 on the denoiser's device.

    on_step: called after every step; whatever it raises stops the sampling at once.
    Raises OutOfMemory with what to lower, and InvalidInput for settings or conditions that cannot work and
    for a result that is not finite.
    """
    _check_ready(unet, inputs)
    size = f"{inputs.shape.frames} frames of {inputs.shape.width}x{inputs.shape.height}"
    with reraise_oom(
        f"{size} do not fit into memory: use windows of fewer frames, lower width and height, or load the "
        "denoiser in bf16 or fp16."
    ):
        sampler = _Sampler(unet, settings, NoiseSchedule.released())
        shape = inputs.shape.latents(inputs.batch, unet.config.latent_channels)
        noise = initial_noise(shape, settings.seed, settings.offset_noise).to(sampler.device)
        latents = sampler.run(inputs, noise, on_step)
    return finite_clip(latents)


def finite_clip(latents: Tensor) -> Tensor:
    """Return latents as they are; raises InvalidInput where they hold NaN or infinity."""
    if not latents.isfinite().all():
        raise InvalidInput("The clip became NaN or infinite: load the denoiser in bf16 or fp32, or check it.")
    return latents


def _check_ready(unet: AnimateXUNet, inputs: ConditionInputs) -> None:
    if unet.training:
        raise InvalidInput("The denoiser is in training mode, with dropout at work: call its eval() first.")
    inputs.check_finite()


@dataclass(frozen=True)
class _Sampler:
    unet: AnimateXUNet
    settings: SamplingSettings
    schedule: NoiseSchedule

    @property
    def device(self) -> torch.device:
        """Where the denoiser is."""
        return next(self.unet.parameters()).device

    def run(self, inputs: ConditionInputs, noise: Tensor, on_step: OnStep | None) -> Tensor:
        """Denoise a clip as the settings plan it."""
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
        """Denoise a clip; its first frames become `known` where that is given."""
        denoiser = self._clip_denoiser(inputs)
        if known is not None:
            denoiser = with_known_frames(denoiser, self.schedule, known)
        solver, timesteps = SOLVERS[self.settings.solver], self.settings.timesteps
        return solver(denoiser, noise, self.schedule, timesteps, on_step)

    def _clip_denoiser(self, inputs: ConditionInputs) -> Denoiser:
        plan, frames = self.settings.long_clip, inputs.shape.frames
        if not isinstance(plan, Windows):
            return self._denoiser(inputs, self._unconditional(inputs))
        spans = overlapping_windows(frames, plan.size, plan.overlap)
        # All windows have one length, so they share what is said in the unconditional pass: nothing.
        unconditional = self._unconditional(inputs.window(spans[0].start, spans[0].stop))
        resting = torch.device("cpu") if len(spans) > 1 else None
        denoisers = [
            self._denoiser(inputs.window(span.start, span.stop), unconditional, resting) for span in spans
        ]
        return windowed(denoisers, spans, plan.weights)

    def _unconditional(self, inputs: ConditionInputs) -> Conditions | None:
        return None if self.settings.guidance.scale == 1 else self._encode(inputs.unconditional())

    def _denoiser(
        self, inputs: ConditionInputs, unconditional: Conditions | None, resting: torch.device | None = None
    ) -> Denoiser:
        """Guide one clip or window; its conditions wait on the device `resting` between the steps."""
        encoded = self._encode(inputs).to(resting)

        def conditional(x: Tensor, t: Tensor) -> Tensor:
            return self._predict(x, t, encoded.to(x.device))

        if unconditional is None:
            return conditional
        if not self._batches(inputs):
            plain = partial(self._predict, conditions=unconditional)
            return guided(conditional, plain, self.settings.guidance)

        def both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            conditions = Conditions.stack([encoded.to(x.device), unconditional])
            c, u = self._predict(torch.cat([x, x]), torch.cat([t, t]), conditions).chunk(2)
            return c, u

        return guided_pair(both, conditional, self.settings.guidance)

    def _encode(self, inputs: ConditionInputs) -> Conditions:
        # Pictures of a long clip stay where they are; those of one window at a time go to the denoiser. Clips
        # are encoded one by one, as the release does, whose keypoint encoder would mix them.
        clips = (clip.to(self.device, self.unet.dtype) for clip in inputs.clips())
        return Conditions.stack([self.unet.encode(clip) for clip in clips])

    def _predict(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        return self.unet(x.to(self.unet.dtype), t, conditions)

    def _batches(self, inputs: ConditionInputs) -> bool:
        if self.settings.batch_guidance is not None:
            return self.settings.batch_guidance
        if self.device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        clips = 2 * inputs.batch
        return activation_bytes(self.unet.config, inputs.shape, self.unet.dtype, clips) < free + cached


def _shift(on_step: OnStep, segment: int, segments: int) -> OnStep:
    """Report the steps of one segment as steps of the whole clip."""

    def report(info: StepInfo) -> None:
        on_step(replace(info, index=segment * info.total + info.index, total=segments * info.total))

    return report
