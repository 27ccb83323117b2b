"""Nodes that bring Animate-X++ to ComfyUI's own Wan 2.1."""

from pathlib import Path
from typing import Any

from comfy.clip_vision import ClipVisionModel
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.animate_x_plus.shapes import PATCH_PIXELS, WanShape
from ..animatex_core.errors import InvalidInput
from ..animatex_core.pose.keypoints import PoseSequence
from .host import model_files
from .host.choices import AUTOMATIC, chosen
from .host.conditions import Conditioning
from .host.discovery import found_as
from .host.fingerprints import choice_state
from .host.plus_inputs import plus_inputs, read_motion, require_poses
from .host.plus_model import HostedPlus, Plus, load_hosted_plus, with_lora
from .host.plus_passes import said_to_be
from .host.plus_patch import Part, PlusWrapper, require_untold, with_conditions
from .host.plus_reference import shown_reference
from .host.poses import Poses, poses_of, reference_pose_of, warn_of_other_shape
from .host.told import told
from .host.values import OpenCombo, checked
from .host.wan import check_clip_features, clip_shape, compute_dtype, require_wan

CATEGORY = "Animate-X/plus"
RELEASED = WanShape()


@found_as("animatex", "animate-x plus plus", "wan")
class AnimateXLoadPlus(io.ComfyNode):
    """Load Animate-X++."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadPlus",
            display_name="Load Animate-X++",
            category="Animate-X/loaders",
            description="Loads what Animate-X++ adds to Wan 2.1: its modules and its LoRA. Wan "
            "itself is loaded with ComfyUI's own nodes.",
            inputs=[
                OpenCombo(
                    "plus_name",
                    options=[AUTOMATIC, *model_files.plus_choices()],
                    tooltip="A file in models/animate_x, converted or original. automatic uses a "
                    "known file, preferring the simple variant, which the authors "
                    "recommend.",
                ),
            ],
            outputs=[Plus.Output(display_name="plus", tooltip="For Apply Animate-X++.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, plus_name: Any = None) -> Any:
        return choice_state(plus_name, cls._path, lambda: model_files.plus_choices().values())

    @classmethod
    @checked
    def execute(cls, plus_name: str) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            return io.NodeOutput(load_hosted_plus(cls._path(plus_name)))

    @classmethod
    def _path(cls, plus_name: str) -> Path:
        path = chosen(plus_name, model_files.plus_choices, model_files.require_plus)
        if path is None:  # another node gave the name
            raise InvalidInput(
                f"Nothing of Animate-X++ is built in, but plus_name is {plus_name}: take a file."
            )
        return path


@found_as("animatex", "wan", "clip vision encode", "start image")
class AnimateXPlusReference(io.ComfyNode):
    """Animate-X++ Reference."""

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
                    default=RELEASED.width,
                    min=PATCH_PIXELS,
                    max=4096,
                    step=PATCH_PIXELS,
                    tooltip="Width of the video in pixels. The official code uses 480x832.",
                ),
                io.Int.Input(
                    "height",
                    default=RELEASED.height,
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
    @checked
    def execute(
        cls, clip_vision: ClipVisionModel, reference: Tensor, width: int, height: int
    ) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            shape = WanShape(width, height)
            return io.NodeOutput(*shown_reference(clip_vision, reference, shape), width, height)


@found_as(
    "animatex",
    "wan",
    "pose to video",
    "animate character",
    "pose control",
    advanced=("start_percent", "end_percent", "jpeg_noise"),
)
class AnimateXApplyPlus(io.ComfyNode):
    """Apply Animate-X++."""

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
                _percent(
                    "start_percent", 0.0, "Start of the poses as a fraction of sampling. 0 is the beginning."
                ),
                _percent("end_percent", 1.0, "End of the poses as a fraction of sampling. 1 is the end."),
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
    @checked
    def execute(
        cls,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        plus: HostedPlus,
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
        with told(cls.hidden.unique_id):
            require_wan(model, plus.config.dim)
            require_untold(model)
            part = Part(start_percent, end_percent)
            shape = clip_shape(positive, negative)
            check_clip_features([*positive, *negative])
            if strength == 0:
                return io.NodeOutput(model, positive, negative)
            patched = with_lora(model, plus, strength)
            followed = poses_of(poses, size=(shape.width, shape.height))
            require_poses(followed, shape)
            driving = _driving_poses(driving_poses, frames, shape) or followed
            inputs = plus_inputs(
                shape,
                followed,
                _reference_pose(reference_pose, shape),
                read_motion(plus.config, clip_vision, frames, driving),
                at_own_size=(followed.width, followed.height) == (driving.width, driving.height),
                jpeg_noise=jpeg_noise,
            )
            conditions = plus.encode(inputs, compute_dtype(model)).scaled(strength)
        told_model = with_conditions(patched, PlusWrapper(conditions, part))
        return io.NodeOutput(told_model, said_to_be(positive, True), said_to_be(negative, False))


def _driving_poses(data: object | None, frames: Tensor | None, shape: WanShape) -> PoseSequence | None:
    if data is None:
        return None
    poses = poses_of(data, "driving_poses", size=(shape.width, shape.height))
    if frames is not None:
        warn_of_other_shape(poses, frames)
    return poses


def _reference_pose(data: object | None, shape: WanShape) -> PoseSequence | None:
    return None if data is None else reference_pose_of(data, (shape.width, shape.height))


def _percent(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.001, tooltip=tooltip)
