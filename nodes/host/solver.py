"""The core's solvers as SAMPLER of ComfyUI, so that its guiders, masks, hooks and previews go with them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.model_patcher import ModelPatcher
from comfy.samplers import KSamplerX0Inpaint, Sampler
from comfy_execution.utils import get_executing_context
from torch import Tensor
from tqdm.auto import tqdm

from ...animatex_core.diffusion.karras import DataPredictor, KarrasSigmas, noise_scale
from ...animatex_core.diffusion.long_clips import with_known_frames
from ...animatex_core.diffusion.solvers import SOLVERS, TIMESTEPS_OF, OnStep, StepInfo
from ...animatex_core.errors import InvalidInput
from .layout import clip_of, frames_of
from .told import told

Callback = Callable[[int, Tensor, Tensor, int], object]
"""What ComfyUI calls after a step: (index, clean latents, noisy latents, steps in all)."""


@dataclass(frozen=True, eq=False)
class HostSolver(Sampler):
    """A solver of the core.

    solver: its name in `SOLVERS`. start: the sigma where its way begins with noise alone, as released, though
    a little of the clip would be left in it. known: latents (k, 4, h, w), as in a LATENT, that the first k
    frames are to become.
    """

    solver: str
    start: float = math.inf
    known: Tensor | None = None

    def max_denoise(self, model_wrap: Any, sigmas: Tensor) -> bool:
        """Whether the way begins with noise alone."""
        begins = math.isclose(sigmas[0].item(), self.start, rel_tol=1e-5)
        return begins or super().max_denoise(model_wrap, sigmas)

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
        """Sample latents (f, 4, h, w) from noise and what is there, as ComfyUI asks of a SAMPLER."""
        model = model_wrap.inner_model
        table = sigma_table(model.model_sampling)
        with told(_running_node()):
            timesteps = table.timesteps(sigmas.tolist())
        masked = KSamplerX0Inpaint(model_wrap, sigmas)
        masked.latent_image, masked.noise = latent_image, noise
        denoise = table.denoiser(_predictor(masked, denoise_mask, extra_args))
        if self.known is not None:
            denoise = with_known_frames(denoise, table.schedule, clip_of(model.process_latent_in(self.known)))
        alone = self.max_denoise(model_wrap, sigmas)
        noisy = model.model_sampling.noise_scaling(sigmas[0], noise, latent_image, alone)
        x = clip_of(noisy / noise_scale(sigmas[0].item()))
        with tqdm(total=len(timesteps), disable=disable_pbar) as bar:
            report = _reporter(bar, callback)
            frames = frames_of(SOLVERS[self.solver](denoise, x, table.schedule, timesteps, report))
        if timesteps.final:  # noisy still: whoever goes on with it expects ComfyUI's notation
            return frames * noise_scale(table.sigmas[timesteps.final])
        return frames if denoise_mask is None else torch.where(denoise_mask == 0, latent_image, frames)


def solver_and_sigmas(
    model: ModelPatcher, solver: str, steps: int, denoise: float
) -> tuple[HostSolver, Tensor]:
    """Return the SAMPLER and the SIGMAS of a solver's own way, none at a denoise of 0."""
    table = sigma_table(model.get_model_object("model_sampling"))
    timesteps = TIMESTEPS_OF[solver](steps, denoise)
    sigmas = table.for_timesteps(timesteps) if len(timesteps) else []
    return HostSolver(solver, sigmas[0] if denoise == 1 else math.inf), torch.tensor(sigmas)


def sigma_table(model_sampling: Any) -> KarrasSigmas:
    """Return the sigmas of a model's timesteps, as nodes may have changed them."""
    if not hasattr(model_sampling, "log_sigmas"):
        raise InvalidInput(
            "The MODEL does not sample by timesteps: wire that of the node Load Animate-X Model."
        )
    return KarrasSigmas(tuple(model_sampling.sigmas.tolist()))


def _predictor(
    masked: KSamplerX0Inpaint, denoise_mask: Tensor | None, extra_args: Mapping[str, Any]
) -> DataPredictor:
    def predict(clip: Tensor, sigma: float) -> Tensor:
        throw_exception_if_processing_interrupted()
        frames = frames_of(clip)
        each = frames.new_full((len(frames),), sigma)
        return clip_of(masked(frames, each, denoise_mask=denoise_mask, **extra_args))

    return predict


def _reporter(bar: tqdm, callback: Callback | None) -> OnStep:
    def report(info: StepInfo) -> None:
        bar.update()
        if callback is not None:
            callback(info.index, frames_of(info.x0), frames_of(info.latents), info.total)

    return report


def _running_node() -> str | None:
    context = get_executing_context()
    return None if context is None else context.node_id
