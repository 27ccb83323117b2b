"""Nodes with the solver and the noise of Animate-X Sampler for other samplers, and inputs that they share."""

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ..animatex_core.animate_x.defaults import OFFICIAL
from ..animatex_core.animate_x.sampling import SamplingSettings
from ..animatex_core.diffusion.schedule import SEEDS
from ..animatex_core.diffusion.solvers import SOLVERS
from .comfy.schema import searchable
from .comfy.solvers import VideoNoise, build_sampler
from .comfy.validation import coerce_inputs
from .presets import CUSTOM, apply_preset, is_custom, preset_input

CATEGORY = "Animate-X/sampling"


def solver_input() -> io.Combo.Input:
    """Return the widget that chooses a solver."""
    return io.Combo.Input(
        "solver",
        options=list(SOLVERS),
        default="ddim",
        tooltip="ddim is the sampler of the official code. dpm++2m is a second-order "
        "solver that needs fewer steps, such as 12.",
    )


def steps_input() -> io.Int.Input:
    """Return the widget for the number of steps."""
    return io.Int.Input(
        "steps",
        default=30,
        min=1,
        max=1000,
        tooltip="Number of steps. The default of the official code is 30, for which "
        "ddim takes 31. More steps are slower and finer.",
    )


def denoise_input() -> io.Float.Input:
    """Return the widget for the denoising strength."""
    return io.Float.Input(
        "denoise",
        default=1.0,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Denoising strength. 1 regenerates everything; lower values keep the input composition.",
    )


def seed_input() -> io.Int.Input:
    """Return the widget for the seed."""
    return io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=SEEDS - 1,
        control_after_generate=True,
        tooltip="Seed of the noise. The same seed gives the same video.",
    )


def offset_noise_input() -> io.Float.Input:
    """Return the widget for the noise of whole frames."""
    return io.Float.Input(
        "offset_noise",
        default=0.1,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Noise shared by all pixels of a frame, which allows bright or dark "
        "frames. The official code uses 0.1.",
    )


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
                solver_input(),
                steps_input(),
                denoise_input(),
                preset_input("solver and steps"),
            ],
            outputs=[
                io.Sampler.Output(tooltip="The solver, for any SIGMAS of the model's timesteps."),
                io.Sigmas.Output(tooltip="The solver's own timesteps, as SIGMAS."),
                io.Int.Output(display_name="steps", tooltip="The number of steps, for KSampler."),
                io.Float.Output(
                    display_name="cfg", tooltip="The guidance scale of the preset, for KSampler; custom: 2.5."
                ),
            ],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls, model: ModelPatcher, solver: str, steps: int, denoise: float, preset: str = CUSTOM
    ) -> io.NodeOutput:
        cfg = OFFICIAL.guidance
        if not is_custom(preset):
            settings = apply_preset(model, preset, SamplingSettings())
            solver, steps, cfg = settings.solver, settings.steps, settings.guidance.scale
        return io.NodeOutput(*build_sampler(model, solver, steps, denoise), steps, cfg)


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
            inputs=[seed_input(), offset_noise_input()],
            outputs=[io.Noise.Output(tooltip="For SamplerCustomAdvanced.")],
        )

    @classmethod
    @coerce_inputs
    def execute(cls, seed: int, offset_noise: float) -> io.NodeOutput:
        return io.NodeOutput(VideoNoise(seed, offset_noise))
