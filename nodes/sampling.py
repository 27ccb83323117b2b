"""The node that samples a video."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ..animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows
from ..animatex_core.animate_x.windows import AlternatingWindows, LongClip, close_windows
from ..animatex_core.diffusion.guidance import Guidance
from ..animatex_core.errors import InvalidInput
from .comfy.conditioning import Conditioning
from .comfy.messages import quoted, report_warnings
from .comfy.pins import join_extension, read_pins
from .comfy.sampling import sample_video
from .comfy.schema import searchable
from .comfy.validation import OpenCombo, coerce_inputs
from .presets import CUSTOM, apply_preset, is_custom, preset_input
from .solver import CATEGORY, denoise_input, offset_noise_input, seed_input, solver_input, steps_input

LONG_CLIP_OPTIONS = OFF, WINDOWS, SEGMENTS, ALTERNATING = "off", "windows", "segments", "alternating"


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
                seed_input(),
                steps_input(),
                io.Float.Input(
                    "cfg",
                    default=2.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance scale: how closely the reference and the poses are followed. "
                    "The default of the official code is 2.5; 1 takes half the time.",
                ),
                solver_input(),
                denoise_input(),
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
                    "without guidance takes half the time, but for the same time fewer steps with "
                    "guidance change the result less.",
                ),
                OpenCombo(
                    "long_clip",
                    options=list(LONG_CLIP_OPTIONS),
                    default=OFF,
                    tooltip="off: all frames at once. windows: overlapping windows, blended at "
                    "every step, in constant memory. segments: one part after another, each "
                    "continuing from the last frame of the previous one. alternating: windows "
                    "without overlap, which move by half their length from step to step; faster.",
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
                offset_noise_input(),
                io.Boolean.Input(
                    "closed",
                    default=False,
                    optional=True,
                    tooltip="For a loop: the last frame leads into the first. Windows lie on a circle; "
                    "without windows, two passes of all frames are blended, which takes twice the time.",
                ),
                io.Latent.Input(
                    "first",
                    optional=True,
                    tooltip="Frames that the video begins with, from VAE Encode, in the size of the video. "
                    "With extend: the animation that is continued.",
                ),
                io.Latent.Input("last", optional=True, tooltip="Frames that the video ends with."),
                io.Float.Input(
                    "pin_strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="How strongly first and last are held: 1 keeps them exactly, less lets the model "
                    "change them.",
                ),
                io.Int.Input(
                    "extend",
                    default=0,
                    min=0,
                    max=4096,
                    optional=True,
                    tooltip="Continues first: its last n frames are the first n of this video, whose poses "
                    "begin with theirs. The output is the whole animation. 0: first holds frames only.",
                ),
                preset_input("solver, steps, cfg, long_clip, frames_at_once and overlap"),
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
        closed: bool = False,
        first: Mapping[str, Any] | None = None,
        last: Mapping[str, Any] | None = None,
        pin_strength: float = 1.0,
        extend: int = 0,
        preset: str = CUSTOM,
    ) -> io.NodeOutput:
        if closed and extend:
            raise InvalidInput(
                f"closed is on and extend is {extend}, but a video that continues another does not lead to "
                "its own first frame: turn closed off, or set extend to 0."
            )
        pins = read_pins(first, last, pin_strength, extend)
        guidance = Guidance(cfg, guidance_start, guidance_end)
        settings = SamplingSettings(guidance=guidance, seed=seed, offset_noise=offset_noise)
        if is_custom(preset):
            plan = _plan(long_clip, frames_at_once, overlap)
            settings = replace(settings, solver=solver, steps=steps, long_clip=plan)
        else:
            settings = apply_preset(model, preset, settings)
        if closed:
            settings = replace(settings, long_clip=close_windows(settings.long_clip))
        with report_warnings(cls.hidden.unique_id):
            video = sample_video(model, (positive, negative), latent_image, settings, denoise, pins)
            return io.NodeOutput(join_extension(first, video, extend) if first and extend else video)


def _plan(long_clip: str, frames_at_once: int, overlap: int) -> LongClip | None:
    if long_clip not in LONG_CLIP_OPTIONS:
        options = ", ".join(LONG_CLIP_OPTIONS)
        raise InvalidInput(f"long_clip is {quoted(long_clip)}, but it must be one of: {options}.")
    if long_clip == WINDOWS:
        return Windows(frames_at_once, overlap)
    if long_clip == ALTERNATING:
        return AlternatingWindows(frames_at_once)
    return Segments(frames_at_once) if long_clip == SEGMENTS else None
