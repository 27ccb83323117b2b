"""Nodes that run Animate-X++ on ComfyUI's built-in Wan 2.1."""

from comfy.clip_vision import ClipVisionModel
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.animate_x_plus.shapes import PATCH_PIXELS, WanShape
from ..animatex_core.pose.keypoints import PoseSequence
from .comfy.conditioning import Conditioning
from .comfy.messages import report_warnings
from .comfy.plus import (
    Plus,
    PlusModel,
    apply_lora,
    build_plus_inputs,
    encode_driving_motion,
    require_poses,
)
from .comfy.plus_patch import PercentRange, PlusWrapper, mark_conditional, patch_model, require_unpatched
from .comfy.poses import Poses, to_poses, to_reference_pose, warn_if_shape_differs
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .comfy.wan import check_image_embeds, compute_dtype, prepare_reference, require_wan, video_shape

CATEGORY = "Animate-X/plus"
DEFAULT_SHAPE = WanShape()


@searchable("animatex", "wan", "clip vision encode", "start image")
class AnimateXPlusReference(io.ComfyNode):
    """Prepares the reference image for WanImageToVideo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXPlusReference",
            display_name="Animate-X++ Reference",
            category=CATEGORY,
            description="Prepares the character image for WanImageToVideo as the official code "
            "does: stretched, never cropped. ComfyUI's own nodes crop it, which "
            "changes the result.",
            inputs=[
                io.ClipVision.Input(
                    "clip_vision", tooltip="clip_vision_h of Wan 2.1, from Load CLIP Vision."
                ),
                io.Image.Input(
                    "reference", tooltip="Image of the character. Only the first image of a batch is used."
                ),
                io.Int.Input(
                    "width",
                    default=DEFAULT_SHAPE.width,
                    min=PATCH_PIXELS,
                    max=4096,
                    step=PATCH_PIXELS,
                    tooltip="Width of the video in pixels. The official code uses 480x832.",
                ),
                io.Int.Input(
                    "height",
                    default=DEFAULT_SHAPE.height,
                    min=PATCH_PIXELS,
                    max=4096,
                    step=PATCH_PIXELS,
                    tooltip="Height of the video in pixels.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="start_image", tooltip="For start_image of WanImageToVideo."),
                io.ClipVisionOutput.Output(
                    display_name="clip_vision_output", tooltip="For clip_vision_output of WanImageToVideo."
                ),
                io.Int.Output(display_name="width", tooltip="For width of WanImageToVideo."),
                io.Int.Output(display_name="height", tooltip="For height of WanImageToVideo."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls, clip_vision: ClipVisionModel, reference: Tensor, width: int, height: int
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            shape = WanShape(width, height)
            return io.NodeOutput(*prepare_reference(clip_vision, reference, shape), width, height)


@searchable(
    "animatex",
    "wan",
    "pose to video",
    "animate character",
    "pose control",
    advanced=("start_percent", "end_percent", "jpeg_noise"),
)
class AnimateXApplyPlus(io.ComfyNode):
    """Adds the conditions of Animate-X++ to Wan 2.1."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXApplyPlus",
            display_name="Apply Animate-X++",
            category=CATEGORY,
            description="Animates a character with Wan 2.1. Poses control the motion, the "
            "prompt controls the background.",
            inputs=[
                io.Model.Input(
                    "model", tooltip="Wan 2.1 image-to-video 14B, with any LoRA and any weight type."
                ),
                io.Conditioning.Input("positive", tooltip="From WanImageToVideo, with a start_image."),
                io.Conditioning.Input("negative", tooltip="From the same WanImageToVideo."),
                Plus.Input("plus", tooltip="From Load Animate-X++."),
                Poses.Input(
                    "poses",
                    tooltip="The poses that the character follows, one per frame of the video: "
                    "driving poses, original or retargeted.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="Strength of everything that Animate-X++ adds, including its LoRA. 1 is "
                    "the default; 0 is plain Wan.",
                ),
                _percent_input(
                    "start_percent", 0.0, "Start of the poses as a fraction of sampling. 0 is the beginning."
                ),
                _percent_input(
                    "end_percent", 1.0, "End of the poses as a fraction of sampling. 1 is the end."
                ),
                io.Boolean.Input(
                    "jpeg_noise",
                    default=True,
                    tooltip="Compress the drawn poses as JPEG, which is how the model was trained.",
                ),
                Poses.Input(
                    "reference_pose",
                    optional=True,
                    tooltip="The character's own pose. If it is missing or shows nobody, the first "
                    "pose that shows somebody is used.",
                ),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="The driving frames, of any size. Only for the full variant.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="OpenCLIP ViT-H-14, which encodes the driving frames. Only for the full variant.",
                ),
                Poses.Input(
                    "driving_poses",
                    optional=True,
                    tooltip="The poses detected in the driving frames, if poses are retargeted.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="For KSampler or any other sampler."),
                io.Conditioning.Output(display_name="positive", tooltip="Conditional pass, for the sampler."),
                io.Conditioning.Output(
                    display_name="negative", tooltip="Unconditional pass, for the sampler."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        plus: PlusModel,
        poses: object,
        strength: float,
        start_percent: float,
        end_percent: float,
        jpeg_noise: bool,
        reference_pose: object | None = None,
        frames: Tensor | None = None,
        clip_vision: ClipVisionModel | None = None,
        driving_poses: object | None = None,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            require_wan(model, plus.config.dim)
            require_unpatched(model)
            part = PercentRange(start_percent, end_percent)
            shape = video_shape(positive, negative)
            check_image_embeds([*positive, *negative])
            if strength == 0:
                return io.NodeOutput(model, positive, negative)
            patched = apply_lora(model, plus, strength)
            size = shape.width, shape.height
            targets = to_poses(poses, size=size)
            require_poses(targets, shape)
            own = None if reference_pose is None else to_reference_pose(reference_pose, size)
            driving = _driving_poses(driving_poses, frames, size) or targets
            inputs = build_plus_inputs(
                shape,
                targets,
                own,
                encode_driving_motion(plus.config, clip_vision, frames, driving),
                at_own_size=(targets.width, targets.height) == (driving.width, driving.height),
                jpeg_noise=jpeg_noise,
            )
            conditions = plus.encode(inputs, compute_dtype(model)).scaled(strength)
        result = patch_model(patched, PlusWrapper(conditions, part))
        return io.NodeOutput(result, mark_conditional(positive, True), mark_conditional(negative, False))


def _driving_poses(data: object | None, frames: Tensor | None, size: tuple[int, int]) -> PoseSequence | None:
    if data is None:
        return None
    poses = to_poses(data, "driving_poses", size=size)
    if frames is not None:
        warn_if_shape_differs(poses, frames)
    return poses


def _percent_input(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.001, tooltip=tooltip)
