"""Nodes that prepare the conditioning: the motion of a video and the character to animate."""

from typing import Any, get_args

import torch
from comfy.clip_vision import ClipVisionModel
from comfy.model_patcher import ModelPatcher
from comfy.sd import VAE
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.animate_x.conditioning import (
    MotionFeatures,
    clip_conditions,
    encode_motion,
    encode_reference,
    require_pose_per_frame,
    warn_of_stretching,
)
from ..animatex_core.animate_x.config import DenoiserConfig
from ..animatex_core.animate_x.pose_strength import PoseStrength
from ..animatex_core.animate_x.puppet_condition import puppet_or_still
from ..animatex_core.animate_x.shapes import ClipShape
from ..animatex_core.animate_x.training_spec import RELEASED, ReferenceForm
from ..animatex_core.errors import warn
from .comfy.conditioning import EMBEDDED_TEXT, Conditioning, conditioning_pair
from .comfy.denoiser import require_animatex
from .comfy.encoders import ComfyImageEncoder, ComfyLatentEncoder
from .comfy.images import (
    first_image,
    iterate_images,
    require_one_batch,
    to_intermediate,
    warn_single_frame_list,
)
from .comfy.messages import node_progress, report_warnings
from .comfy.poses import Poses, to_poses, to_reference_pose, warn_if_shape_differs
from .comfy.schema import AUTOMATIC, searchable
from .comfy.validation import coerce_inputs

CATEGORY = "Animate-X/sampling"
Features = io.Custom("ANIMATEX_FEATURES")


@searchable("animatex", "implicit pose indicator", "motion features")
class AnimateXFeatures(io.ComfyNode):
    """Encodes driving frames for the implicit pose indicator (IPI)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXFeatures",
            display_name="IPI Features",
            category=CATEGORY,
            description="Encodes the motion of the driving frames for the implicit pose indicator.",
            inputs=[
                io.ClipVision.Input(
                    "clip_vision", tooltip="OpenCLIP ViT-H-14, from Load Animate-X Encoders."
                ),
                io.Image.Input("frames", tooltip="The driving frames, of any size."),
                Poses.Input("poses", tooltip="The poses detected in these frames, not retargeted."),
            ],
            outputs=[Features.Output(display_name="features", tooltip="For Animate-X Conditioning.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(cls, clip_vision: ClipVisionModel, frames: Tensor, poses: object) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            driving = to_poses(poses, size=(frames.shape[2], frames.shape[1]))
            require_one_batch(len(frames), len(driving))
            require_pose_per_frame(len(frames), len(driving))
            warn_if_shape_differs(driving, frames)
            encoder = ComfyImageEncoder(clip_vision)
            features = encode_motion(encoder, iterate_images(frames), driving, node_progress(len(driving)))
            return io.NodeOutput(features)


@searchable(
    "animatex",
    "animate character",
    "image to video",
    "pose to video",
    advanced=("reference_form", "pose_start", "pose_end"),
)
class AnimateXConditioning(io.ComfyNode):
    """Combines reference image, poses and motion features into conditioning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXConditioning",
            display_name="Animate-X Conditioning",
            category=CATEGORY,
            description="Combines a reference image, poses and motion features into "
            "conditioning for a sampler.",
            inputs=[
                io.ClipVision.Input("clip_vision", tooltip="The same model that encoded the features."),
                io.Image.Input(
                    "reference", tooltip="Image of the character. Only the first image of a batch is used."
                ),
                Poses.Input(
                    "poses",
                    tooltip="The poses that the character follows: driving poses, usually retargeted.",
                ),
                Features.Input(
                    "features", tooltip="From IPI Features, computed from the same driving frames."
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=4096,
                    step=64,
                    tooltip="Width of the video in pixels. 0 uses the size that the connected model "
                    "was trained on, 512x768 for the official weights.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=4096,
                    step=64,
                    tooltip="Height of the video in pixels. 0 works as for the width.",
                ),
                io.Combo.Input(
                    "reference_form",
                    options=[AUTOMATIC, *get_args(ReferenceForm)],
                    tooltip="How the model sees the reference: picture (the official code), latents "
                    "(the paper) or both. Latents need a VAE. automatic uses what the "
                    "connected model was trained with.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model that will be sampled. Its training size and reference form "
                    "are used; without it, those of the official weights.",
                ),
                Poses.Input(
                    "reference_pose",
                    optional=True,
                    tooltip="The character's own pose. If it is missing or shows nobody, the first "
                    "driving pose that shows somebody is used.",
                ),
                io.Vae.Input("vae", optional=True, tooltip="Encodes the reference into latents."),
                io.Conditioning.Input(
                    "empty_text",
                    optional=True,
                    tooltip="An empty text, encoded by the CLIP of Stable Diffusion 2.1. Only "
                    "needed with the original checkpoint; converted files include it.",
                ),
                io.Float.Input(
                    "pose_strength",
                    default=1.0,
                    min=0.0,
                    max=4.0,
                    step=0.05,
                    optional=True,
                    tooltip="Factor of the features of the drawn poses and of the motion attention. 1 "
                    "follows the poses as trained, 0 leaves them out. Not of the built-in model's puppet.",
                ),
                io.Float.Input(
                    "pose_start",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Start of the poses as a fraction of sampling. 0 is the beginning.",
                ),
                io.Float.Input(
                    "pose_end",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="End of the poses as a fraction of sampling. Less than 1 leaves details to the "
                    "model.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="Conditioning for the sampler."),
                io.Conditioning.Output(
                    display_name="negative",
                    tooltip="Unconditional conditioning for classifier-free guidance.",
                ),
                io.Latent.Output(display_name="latent", tooltip="Empty latents, one per frame."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        clip_vision: ClipVisionModel,
        reference: Tensor,
        poses: object,
        features: MotionFeatures,
        width: int,
        height: int,
        reference_form: Any,
        model: ModelPatcher | None = None,
        reference_pose: object | None = None,
        vae: VAE | None = None,
        empty_text: Conditioning | None = None,
        pose_strength: float = 1.0,
        pose_start: float = 0.0,
        pose_end: float = 1.0,
    ) -> io.NodeOutput:
        pose = PoseStrength(pose_strength, pose_start, pose_end)
        with report_warnings(cls.hidden.unique_id):
            image = first_image(reference)
            driving = to_poses(poses, size=(features.width, features.height))
            warn_single_frame_list(len(driving), "Each pose")
            size = image.shape[1], image.shape[0]
            own = None if reference_pose is None else to_reference_pose(reference_pose, size)
            trained_on = RELEASED if model is None else require_animatex(model).trained_on
            shape = ClipShape(width or trained_on.width, height or trained_on.height, len(driving))
            if model is not None:
                trained_on.warn_of_size(shape.width, shape.height)
            form = trained_on.reference_form if reference_form == AUTOMATIC else reference_form
            warn_of_stretching(image, shape)
            autoencoder = None if vae is None else ComfyLatentEncoder(vae)
            encoder = ComfyImageEncoder(clip_vision)
            encoded = encode_reference(encoder, image, shape, own, form, autoencoder)
            text = _first_text(empty_text)
            progress = node_progress(len(driving))
            config = DenoiserConfig.released() if model is None else require_animatex(model).denoiser
            puppet = None
            if config.puppet and autoencoder is not None:
                puppet = puppet_or_still(autoencoder, image, own, driving, shape)
            inputs = clip_conditions(shape, text, encoded, driving, features, progress, puppet)
        latents = to_intermediate(torch.zeros(shape.frames, config.latent_channels, *shape.latent_size))
        return io.NodeOutput(*conditioning_pair(inputs, pose), {"samples": latents})


def _first_text(empty_text: Conditioning | None) -> Tensor:
    if empty_text and len(empty_text) > 1:
        warn(f"empty_text has {len(empty_text)} texts, of which only the first is used: connect one.")
    return empty_text[0][0] if empty_text else EMBEDDED_TEXT
