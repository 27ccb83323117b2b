"""Nodes that load the networks."""

import warnings
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..animatex_core.errors import AnimateXWarning
from ..animatex_core.hub.bundled import NOTICE, SHIPPED
from .host import model_files
from .host.choices import AUTOMATIC, BUILT_IN, chosen
from .host.discovery import found_as
from .host.encoder_loading import load_clip_vision, load_vae, small_clip_vision, small_vae
from .host.fingerprints import choice_state
from .host.loading import WEIGHT_DTYPES, load_model_file
from .host.told import told
from .host.values import OpenCombo, checked

CATEGORY = "Animate-X/loaders"


@found_as("animatex", "checkpoint", "denoiser", "character animation", advanced=("weight_dtype",))
class AnimateXLoadModel(io.ComfyNode):
    """Load Animate-X Model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadModel",
            display_name="Load Animate-X Model",
            category=CATEGORY,
            description="Loads the Animate-X denoiser, from a converted file or the original "
            "checkpoint, for any sampler.",
            inputs=[
                OpenCombo(
                    "model_name",
                    options=[AUTOMATIC, BUILT_IN, *model_files.denoiser_choices()],
                    tooltip="A file in models/animate_x or models/diffusion_models. automatic uses "
                    "a known file if there is one, otherwise the small built-in network, "
                    "which draws small cartoons.",
                ),
                OpenCombo(
                    "weight_dtype",
                    options=list(WEIGHT_DTYPES),
                    tooltip="Data type of the weights. default suits your hardware; fp8 halves the "
                    "memory of the weights at some cost in quality.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="For Animate-X Sampler, KSampler or any other sampler.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, model_name: Any = None, weight_dtype: Any = None) -> Any:
        return choice_state(model_name, cls._path, lambda: model_files.denoiser_choices().values())

    @classmethod
    @checked
    def execute(cls, model_name: str, weight_dtype: str) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            path = cls._path(model_name)
            if path is None:
                _warn_of_built_in(model_name)
                return io.NodeOutput(load_model_file(SHIPPED.denoiser, BUILT_IN, weight_dtype))
            return io.NodeOutput(load_model_file(path, str(path), weight_dtype))

    @classmethod
    def _path(cls, model_name: str) -> Path | None:
        return chosen(model_name, model_files.denoiser_choices, model_files.find_denoiser)


@found_as("animatex", "clip vision", "vae", "open_clip")
class AnimateXLoadEncoders(io.ComfyNode):
    """Load Animate-X Encoders."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadEncoders",
            display_name="Load Animate-X Encoders",
            category=CATEGORY,
            description="Loads the image encoder and the VAE that Animate-X uses.",
            inputs=[
                OpenCombo(
                    "clip_vision_name",
                    options=[AUTOMATIC, BUILT_IN, *model_files.image_encoder_choices()],
                    tooltip="OpenCLIP ViT-H-14 in models/clip_vision. automatic uses it if an "
                    "Animate-X model is found, otherwise the small built-in encoder, which "
                    "belongs to the built-in model.",
                ),
                OpenCombo(
                    "vae_name",
                    options=[AUTOMATIC, BUILT_IN, *model_files.autoencoder_choices()],
                    tooltip="The VAE of Stable Diffusion 2.1 in models/vae, or the full checkpoint "
                    "in models/checkpoints, from which only the VAE is loaded. automatic "
                    "works as for clip_vision_name.",
                ),
            ],
            outputs=[
                io.ClipVision.Output(tooltip="For IPI Features and Animate-X Conditioning."),
                io.Vae.Output(tooltip="For VAE Decode, and for latents of the reference image."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, clip_vision_name: Any = None, vae_name: Any = None) -> Any:
        encoders, autoencoders = model_files.image_encoder_choices, model_files.autoencoder_choices
        return [
            choice_state(clip_vision_name, cls._image_encoder, lambda: encoders().values()),
            choice_state(vae_name, cls._autoencoder, lambda: autoencoders().values()),
        ]

    @classmethod
    @checked
    def execute(cls, clip_vision_name: str, vae_name: str) -> io.NodeOutput:
        with told(cls.hidden.unique_id):
            image_encoder, autoencoder = cls._image_encoder(clip_vision_name), cls._autoencoder(vae_name)
            if image_encoder is None or autoencoder is None:
                _warn_of_built_in(vae_name if image_encoder else clip_vision_name)
            return io.NodeOutput(
                load_clip_vision(image_encoder) if image_encoder else small_clip_vision(SHIPPED),
                load_vae(autoencoder) if autoencoder else small_vae(SHIPPED),
            )

    @classmethod
    def _image_encoder(cls, choice: str) -> Path | None:
        return chosen(choice, model_files.image_encoder_choices, model_files.require_image_encoder)

    @classmethod
    def _autoencoder(cls, choice: str) -> Path | None:
        return chosen(choice, model_files.autoencoder_choices, model_files.require_autoencoder)


def _warn_of_built_in(choice: str) -> None:
    missing = "No Animate-X model is in models/animate_x or models/diffusion_models. "
    warnings.warn(AnimateXWarning((missing if choice == AUTOMATIC else "") + NOTICE), stacklevel=2)
