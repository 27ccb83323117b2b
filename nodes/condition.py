"""Nodes that tell the denoiser what to make: whose motion, and of whom."""

from typing import Any, get_args

import numpy as np
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
    require_a_pose_each,
    warn_of_stretching,
)
from ..animatex_core.animate_x.config import DenoiserConfig
from ..animatex_core.animate_x.puppet_condition import puppet_latents
from ..animatex_core.animate_x.shapes import ClipShape
from ..animatex_core.animate_x.training_spec import RELEASED, ReferenceForm, TrainingSpec
from ..animatex_core.errors import InvalidInput
from ..animatex_core.pose.keypoints import PoseSequence
from .host.choices import AUTOMATIC
from .host.conditions import OWN_TEXT, Conditioning, conditioning_pair
from .host.discovery import found_as
from .host.encoders import HostImageEncoder, HostLatentEncoder
from .host.intermediate import as_intermediate
from .host.lists import require_one_batch, warn_of_single_frames
from .host.model import AnimateXModel
from .host.pictures import frames_of, picture_of
from .host.poses import Poses, poses_of, reference_pose_of, warn_of_other_shape
from .host.progress import node_progress
from .host.told import told
from .host.values import checked

CATEGORY = "Animate-X/sampling"
Features = io.Custom("ANIMATEX_FEATURES")


@found_as("animatex", "implicit pose indicator", "motion features")
class AnimateXFeatures(io.ComfyNode):
    """IPI Features."""

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
    @checked
    def execute(cls, clip_vision: ClipVisionModel, frames: Tensor, poses: object) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            found = poses_of(poses, size=(frames.shape[2], frames.shape[1]))
            require_one_batch(len(frames), len(found))
            require_a_pose_each(len(frames), len(found))
            warn_of_other_shape(found, frames)
            encoder = HostImageEncoder(clip_vision)
            features = encode_motion(encoder, frames_of(frames), found, node_progress(len(found)))
            return io.NodeOutput(features)


@found_as("animatex", "animate character", "image to video", "pose to video", advanced=("reference_form",))
class AnimateXConditioning(io.ComfyNode):
    """Animate-X Conditioning."""

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
    @checked
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
    ) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            picture = picture_of(reference)
            driving = poses_of(poses, size=(features.width, features.height))
            warn_of_single_frames(len(driving), "Each pose")
            own = _pose_in(picture, reference_pose)
            trained_on = _trained_on(model)
            shape = ClipShape(width or trained_on.width, height or trained_on.height, len(driving))
            if model is not None:
                trained_on.warn_of_size(shape.width, shape.height)
            form = trained_on.reference_form if reference_form == AUTOMATIC else reference_form
            warn_of_stretching(picture, shape)
            autoencoder = None if vae is None else HostLatentEncoder(vae)
            encoder = HostImageEncoder(clip_vision)
            shown = encode_reference(encoder, picture, shape, own, form, autoencoder)
            text = empty_text[0][0] if empty_text else OWN_TEXT
            progress = node_progress(len(driving))
            network = _denoiser(model)
            puppet = None
            if network.puppet and autoencoder is not None:
                puppet = puppet_latents(autoencoder, picture, own, driving, shape)
            inputs = clip_conditions(shape, text, shown, driving, features, progress, puppet)
        latents = as_intermediate(torch.zeros(shape.frames, network.latent_channels, *shape.latent_size))
        return io.NodeOutput(*conditioning_pair(inputs), {"samples": latents})


def _trained_on(model: ModelPatcher | None) -> TrainingSpec:
    return RELEASED if model is None else _animatex(model).trained_on


def _denoiser(model: ModelPatcher | None) -> DenoiserConfig:
    return DenoiserConfig.released() if model is None else _animatex(model).denoiser


def _animatex(model: ModelPatcher) -> AnimateXModel:
    if not isinstance(model.model, AnimateXModel):
        raise InvalidInput("The MODEL is not Animate-X: wire that of the node Load Animate-X Model.")
    return model.model


def _pose_in(picture: np.ndarray, pose: object | None) -> PoseSequence | None:
    height, width, _ = picture.shape
    return None if pose is None else reference_pose_of(pose, (width, height))
