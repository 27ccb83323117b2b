"""Nodes that sample a video, and their solver and noise for other samplers."""

from collections.abc import Mapping
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ..animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows
from ..animatex_core.diffusion.guidance import Guidance
from ..animatex_core.diffusion.schedule import SEEDS
from ..animatex_core.diffusion.solvers import SOLVERS
from ..animatex_core.errors import InvalidInput
from .comfy.conditioning import Conditioning
from .comfy.messages import quoted, report_warnings
from .comfy.sampling import sample_video
from .comfy.schema import searchable
from .comfy.solvers import VideoNoise, build_sampler
from .comfy.validation import OpenCombo, coerce_inputs

CATEGORY = "Animate-X/sampling"
LONG_CLIP_OPTIONS = OFF, WINDOWS, SEGMENTS = "off", "windows", "segments"


def _solver_input() -> io.Combo.Input:
    return io.Combo.Input(
        "solver",
        options=list(SOLVERS),
        default="ddim",
        tooltip="ddim is the sampler of the official code. dpm++2m is a second-order "
        "solver that needs fewer steps.",
    )


def _steps_input() -> io.Int.Input:
    return io.Int.Input(
        "steps",
        default=30,
        min=1,
        max=1000,
        tooltip="Number of steps. The default of the official code is 30, for which "
        "ddim takes 31. More steps are slower and finer.",
    )


def _denoise_input() -> io.Float.Input:
    return io.Float.Input(
        "denoise",
        default=1.0,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Denoising strength. 1 regenerates everything; lower values keep the input composition.",
    )


def _seed_input() -> io.Int.Input:
    return io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=SEEDS - 1,
        control_after_generate=True,
        tooltip="Seed of the noise. The same seed gives the same video.",
    )


def _offset_noise_input() -> io.Float.Input:
    return io.Float.Input(
        "offset_noise",
        default=0.1,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Noise shared by all pixels of a frame, which allows bright or dark "
        "frames. The official code uses 0.1.",
    )


@searchable(
    "animatex",
    "ksampler",
    "sample video",
    "long video",
    "context windows",
    advanced=("guidance_start", "guidance_end", "offset_noise"),
)
class AnimateXSampler(io.ComfyNode):
    """Samples a video, including long ones, with the solvers of the official code."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXSampler",
            display_name="Animate-X Sampler",
            category=CATEGORY,
            description="Samples a video as the official code does, including long videos, with "
            "all patches of the MODEL.",
            inputs=[
                io.Model.Input("model", tooltip="From Load Animate-X Model, with or without patches."),
                io.Conditioning.Input("positive", tooltip="From Animate-X Conditioning."),
                io.Conditioning.Input("negative", tooltip="From Animate-X Conditioning."),
                io.Latent.Input(
                    "latent_image",
                    tooltip="From Animate-X Conditioning, or a video of the same size. A noise mask "
                    "is supported.",
                ),
                _seed_input(),
                _steps_input(),
                io.Float.Input(
                    "cfg",
                    default=2.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance scale: how closely the reference and the poses are followed. "
                    "The default of the official code is 2.5; 1 takes half the time.",
                ),
                _solver_input(),
                _denoise_input(),
                io.Float.Input(
                    "guidance_start",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Start of guidance as a fraction of sampling. 0 is the beginning.",
                ),
                io.Float.Input(
                    "guidance_end",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="End of guidance as a fraction of sampling. 1 is the end. A step "
                    "without guidance takes half the time.",
                ),
                OpenCombo(
                    "long_clip",
                    options=list(LONG_CLIP_OPTIONS),
                    default=OFF,
                    tooltip="off: all frames at once. windows: overlapping windows, blended at "
                    "every step, in constant memory. segments: one part after another, each "
                    "continuing from the last frame of the previous one.",
                ),
                io.Int.Input(
                    "frames_at_once",
                    default=32,
                    min=1,
                    max=4096,
                    tooltip="Frames per window or segment. The model was trained on 32; fewer need "
                    "less memory.",
                ),
                io.Int.Input(
                    "overlap",
                    default=8,
                    min=0,
                    max=4096,
                    tooltip="Frames that neighboring windows share. More is slower and smoother.",
                ),
                _offset_noise_input(),
            ],
            outputs=[io.Latent.Output(tooltip="For VAE Decode.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Mapping[str, Any],
        seed: int,
        steps: int,
        cfg: float,
        solver: str,
        denoise: float,
        guidance_start: float,
        guidance_end: float,
        long_clip: str,
        frames_at_once: int,
        overlap: int,
        offset_noise: float,
    ) -> io.NodeOutput:
        plan = _plan(long_clip, frames_at_once, overlap)
        guidance = Guidance(cfg, guidance_start, guidance_end)
        settings = SamplingSettings(solver, steps, guidance, seed, offset_noise, plan)
        with report_warnings(cls.hidden.unique_id):
            return io.NodeOutput(sample_video(model, (positive, negative), latent_image, settings, denoise))


def _plan(long_clip: str, frames_at_once: int, overlap: int) -> Windows | Segments | None:
    if long_clip not in LONG_CLIP_OPTIONS:
        options = ", ".join(LONG_CLIP_OPTIONS)
        raise InvalidInput(f"long_clip is {quoted(long_clip)}, but it must be one of: {options}.")
    if long_clip == WINDOWS:
        return Windows(frames_at_once, overlap)
    return Segments(frames_at_once) if long_clip == SEGMENTS else None


@searchable("animatex", "ddim", "dpm++", "sigmas")
class AnimateXSolver(io.ComfyNode):
    """Provides the solvers as SAMPLER and SIGMAS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXSolver",
            display_name="Animate-X Solver",
            category=CATEGORY,
            description="The solvers of Animate-X Sampler, for SamplerCustomAdvanced and similar nodes.",
            inputs=[
                io.Model.Input("model", tooltip="From Load Animate-X Model."),
                _solver_input(),
                _steps_input(),
                _denoise_input(),
            ],
            outputs=[
                io.Sampler.Output(tooltip="The solver, for any SIGMAS of the model's timesteps."),
                io.Sigmas.Output(tooltip="The solver's own timesteps, as SIGMAS."),
            ],
        )

    @classmethod
    @coerce_inputs
    def execute(cls, model: ModelPatcher, solver: str, steps: int, denoise: float) -> io.NodeOutput:
        return io.NodeOutput(*build_sampler(model, solver, steps, denoise))


@searchable("animatex", "offset noise", "random noise")
class AnimateXNoise(io.ComfyNode):
    """Provides the noise as NOISE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXNoise",
            display_name="Animate-X Noise",
            category=CATEGORY,
            description="The noise of Animate-X Sampler, for SamplerCustomAdvanced and similar nodes.",
            inputs=[_seed_input(), _offset_noise_input()],
            outputs=[io.Noise.Output(tooltip="For SamplerCustomAdvanced.")],
        )

    @classmethod
    @coerce_inputs
    def execute(cls, seed: int, offset_noise: float) -> io.NodeOutput:
        return io.NodeOutput(VideoNoise(seed, offset_noise))
