"""The core's solvers and noise as SAMPLER and NOISE, so that ComfyUI's guiders, masks and hooks apply."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.model_patcher import ModelPatcher
from comfy.samplers import KSamplerX0Inpaint, Sampler
from comfy_execution.utils import get_executing_context
from einops import rearrange
from torch import Tensor
from tqdm.auto import tqdm

from ...animatex_core.diffusion.karras import DataPredictor, KarrasSigmas, noise_scale
from ...animatex_core.diffusion.long_clips import with_known_frames
from ...animatex_core.diffusion.schedule import initial_noise
from ...animatex_core.diffusion.solvers import SOLVER_TIMESTEPS, SOLVERS, OnStep, StepInfo
from ...animatex_core.errors import InvalidInput
from .messages import report_warnings

Callback = Callable[[int, Tensor, Tensor, int], object]
"""What ComfyUI calls after a step: (index, clean latents, noisy latents, number of steps)."""


def to_video_latent(batch: Tensor) -> Tensor:
    """Return ComfyUI's batch of frames (f, c, h, w) as the core's video latent (1, c, f, h, w)."""
    return rearrange(batch, "f c h w -> 1 c f h w")


def to_batch(video_latent: Tensor) -> Tensor:
    """Return the core's video latent (1, c, f, h, w) as ComfyUI's batch of frames (f, c, h, w)."""
    return rearrange(video_latent, "1 c f h w -> f c h w")


@dataclass(frozen=True)
class VideoNoise:
    """A NOISE drawn as in the official code, with an offset for whole frames.

    Attributes:
        seed: 0..2^64 - 1.
        offset_strength: Strength of the noise that all pixels of a frame share.

    """

    seed: int
    offset_strength: float

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Return noise for the samples (f, c, h, w) of a LATENT, float32 on the CPU."""
        found = tuple(latent["samples"].shape)
        if len(found) != 4:
            raise InvalidInput(
                f"The latents are {found}, but a video is (frames, 4, height, width): connect the LATENT of "
                "Animate-X Conditioning."
            )
        frames, channels, height, width = found
        shape = 1, channels, frames, height, width
        return to_batch(initial_noise(shape, self.seed, self.offset_strength))


@dataclass(frozen=True, eq=False)
class SolverSampler(Sampler):
    """A solver of the core as SAMPLER.

    Attributes:
        solver: Its name in `SOLVERS`.
        start: The sigma at which sampling starts from pure noise, as in the official code, although a
            little of the video would remain at it.
        known_frames: Latents (k, 4, h, w), in the scale of a LATENT, that the first k frames must become.

    """

    solver: str
    start: float = math.inf
    known_frames: Tensor | None = None

    def max_denoise(self, model_wrap: Any, sigmas: Tensor) -> bool:
        """Whether sampling starts from pure noise."""
        starts = math.isclose(sigmas[0].item(), self.start, rel_tol=1e-5)
        return starts or super().max_denoise(model_wrap, sigmas)

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: Mapping[str, Any],
        callback: Callback | None,
        noise: Tensor,
        latent_image: Tensor,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """Sample latents (f, 4, h, w), through ComfyUI's interface of a SAMPLER."""
        model = model_wrap.inner_model
        table = sigma_table(model.model_sampling)
        context = get_executing_context()
        with report_warnings(None if context is None else context.node_id):
            timesteps = table.timesteps(sigmas.tolist())
        masked = KSamplerX0Inpaint(model_wrap, sigmas)
        masked.latent_image, masked.noise = latent_image, noise
        denoise = table.denoiser(_predictor(masked, denoise_mask, extra_args))
        if self.known_frames is not None:
            known = to_video_latent(model.process_latent_in(self.known_frames))
            denoise = with_known_frames(denoise, table.schedule, known)
        is_pure_noise = self.max_denoise(model_wrap, sigmas)
        noisy = model.model_sampling.noise_scaling(sigmas[0], noise, latent_image, is_pure_noise)
        x = to_video_latent(noisy / noise_scale(sigmas[0].item()))
        with tqdm(total=len(timesteps), disable=disable_pbar) as bar:
            report = _reporter(bar, callback)
            frames = to_batch(SOLVERS[self.solver](denoise, x, table.schedule, timesteps, report))
        if timesteps.final:  # still noisy: the next sampler expects ComfyUI's scale
            return frames * noise_scale(table.sigmas[timesteps.final])
        return frames if denoise_mask is None else torch.where(denoise_mask == 0, latent_image, frames)


def build_sampler(
    model: ModelPatcher, solver: str, steps: int, denoise: float
) -> tuple[SolverSampler, Tensor]:
    """Return the SAMPLER of a solver and the SIGMAS of its own timesteps, which are empty at denoise 0."""
    table = sigma_table(model.get_model_object("model_sampling"))
    timesteps = SOLVER_TIMESTEPS[solver](steps, denoise)
    sigmas = table.for_timesteps(timesteps) if len(timesteps) else []
    return SolverSampler(solver, sigmas[0] if denoise == 1 else math.inf), torch.tensor(sigmas)


def sigma_table(model_sampling: Any) -> KarrasSigmas:
    """Return the sigmas of a model's timesteps, including changes by other nodes."""
    if not hasattr(model_sampling, "log_sigmas"):
        raise InvalidInput(
            "The MODEL does not sample by timesteps: connect the MODEL of Load Animate-X Model."
        )
    return KarrasSigmas(tuple(model_sampling.sigmas.tolist()))


def _predictor(
    masked: KSamplerX0Inpaint, denoise_mask: Tensor | None, extra_args: Mapping[str, Any]
) -> DataPredictor:
    def predict(video_latent: Tensor, sigma: float) -> Tensor:
        throw_exception_if_processing_interrupted()
        frames = to_batch(video_latent)
        each = frames.new_full((len(frames),), sigma)
        return to_video_latent(masked(frames, each, denoise_mask=denoise_mask, **extra_args))

    return predict


def _reporter(bar: tqdm, callback: Callback | None) -> OnStep:
    def report(info: StepInfo) -> None:
        bar.update()
        if callback is not None:
            callback(info.index, to_batch(info.x0), to_batch(info.latents), info.total)

    return report
