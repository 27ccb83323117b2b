"""Nodes that bring Animate-X++ to ComfyUI's own Wan 2.1."""

from pathlib import Path
from typing import Any

from comfy.clip_vision import ClipVisionModel
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.errors import InvalidInput
from ..animatex_core.plus.shape import PIXELS_A_TOKEN, WanShape
from ..animatex_core.pose.skeleton import PoseSequence
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
from .host.poses import Poses, poses_of, reference_pose_of
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
            description="Loads what Animate-X++ adds to Wan 2.1: its modules and its LoRA. Wan itself comes "
            "from ComfyUI's own loaders.",
            inputs=[
                OpenCombo(
                    "plus_name",
                    options=[AUTOMATIC, *model_files.plus_choices()],
                    tooltip="A file in models/animate_x, converted or as released. Automatic takes the known "
                    "file that is there, the simple variant first, which the authors recommend.",
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
            description="Prepares the picture of the character for WanImageToVideo exactly as the authors "
            "do: stretched, never cropped. ComfyUI's own nodes crop it, which Wan answers differently.",
            inputs=[
                io.ClipVision.Input("clip_vision", tooltip="clip_vision_h of Wan 2.1, of Load CLIP Vision."),
                io.Image.Input("reference", tooltip="The character; the first picture counts."),
                io.Int.Input(
                    "width",
                    default=RELEASED.width,
                    min=PIXELS_A_TOKEN,
                    max=4096,
                    step=PIXELS_A_TOKEN,
                    tooltip="Width of the clip in pixels. The authors' clips have 480x832.",
                ),
                io.Int.Input(
                    "height",
                    default=RELEASED.height,
                    min=PIXELS_A_TOKEN,
                    max=4096,
                    step=PIXELS_A_TOKEN,
                    tooltip="Height of the clip in pixels.",
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
            description="Has a character dance in Wan 2.1, while the prompt tells what happens behind it.",
            inputs=[
                io.Model.Input(
                    "model", tooltip="Wan 2.1 image-to-video 14B, with any LoRA, in any type of weights."
                ),
                io.Conditioning.Input("positive", tooltip="From WanImageToVideo, with a start_image."),
                io.Conditioning.Input("negative", tooltip="From the same WanImageToVideo."),
                Plus.Input("plus", tooltip="From Load Animate-X++."),
                Poses.Input(
                    "poses",
                    tooltip="What the character shall follow, a pose for every frame of the clip: driving "
                    "poses, as they are or retargeted.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="Of all that Animate-X++ adds, its LoRA included. 1 is as released; 0 is Wan "
                    "without it.",
                ),
                _percent(
                    "start_percent", 0.0, "From where in the sampling the poses act; 0 is the beginning."
                ),
                _percent("end_percent", 1.0, "To where in the sampling the poses act; 1 is the end."),
                io.Boolean.Input(
                    "jpeg_noise",
                    default=True,
                    tooltip="Put drawn poses through JPEG, as the authors do: the model was trained so.",
                ),
                Poses.Input(
                    "reference_pose",
                    optional=True,
                    tooltip="The character's own pose. Without it, or with nobody in it, the first pose "
                    "that shows somebody stands in.",
                ),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="The driving frames, of any size. For the full variant alone.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="OpenCLIP ViT-H-14, which looks at the driving frames. For the full variant "
                    "alone.",
                ),
                Poses.Input(
                    "driving_poses",
                    optional=True,
                    tooltip="The poses as found in the driving frames, where poses are retargeted.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="For KSampler or any other sampler."),
                io.Conditioning.Output(
                    display_name="positive", tooltip="For the sampler: the pass with poses."
                ),
                io.Conditioning.Output(
                    display_name="negative", tooltip="For the sampler: the pass without poses."
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
            driving = _driving_poses(driving_poses, shape) or followed
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


def _driving_poses(data: object | None, shape: WanShape) -> PoseSequence | None:
    return None if data is None else poses_of(data, "driving_poses", size=(shape.width, shape.height))


def _reference_pose(data: object | None, shape: WanShape) -> PoseSequence | None:
    return None if data is None else reference_pose_of(data, (shape.width, shape.height))


def _percent(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.001, tooltip=tooltip)
