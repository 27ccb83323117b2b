"""Nodes that load models."""

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..animatex_core.errors import InvalidInput, warn
from ..animatex_core.hub.bundled import BUNDLED_MODELS, NOTICE
from ..animatex_core.hub.models_dir import POSE_DETECTOR, POSE_ESTIMATOR
from ..animatex_core.pose.dwpose import DWPose
from ..animatex_core.pose.providers import check_device
from .comfy import model_files
from .comfy.encoders import load_clip_vision, load_small_clip_vision, load_small_vae, load_vae
from .comfy.loading import WEIGHT_DTYPES, load_model_file
from .comfy.messages import report_warnings
from .comfy.model_files import onnx_choices, onnx_files, resolve_onnx
from .comfy.plus import Plus, load_plus
from .comfy.poses import DWPoseModels
from .comfy.schema import (
    AUTOMATIC,
    BUILT_IN,
    choice_fingerprint,
    files_fingerprint,
    resolve_choice,
    searchable,
)
from .comfy.validation import OpenCombo, coerce_inputs

CATEGORY = "Animate-X/loaders"
DEVICES = ["auto", "cuda", "directml", "coreml", "cpu"]


@searchable("animatex", "checkpoint", "denoiser", "character animation", advanced=("weight_dtype",))
class AnimateXLoadModel(io.ComfyNode):
    """Loads the denoiser of Animate-X."""

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
                    "a known file if there is one, otherwise the small built-in model, "
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
        return choice_fingerprint(model_name, cls._path, lambda: model_files.denoiser_choices().values())

    @classmethod
    @coerce_inputs
    def execute(cls, model_name: str, weight_dtype: str) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            path = cls._path(model_name)
            if path is None:
                _warn_built_in(model_name)
                return io.NodeOutput(load_model_file(BUNDLED_MODELS.denoiser, BUILT_IN, weight_dtype))
            return io.NodeOutput(load_model_file(path, str(path), weight_dtype))

    @classmethod
    def _path(cls, model_name: str) -> Path | None:
        return resolve_choice(model_name, model_files.denoiser_choices, model_files.find_denoiser)


@searchable("animatex", "clip vision", "vae", "open_clip")
class AnimateXLoadEncoders(io.ComfyNode):
    """Loads the image encoder and the VAE."""

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
            choice_fingerprint(clip_vision_name, cls._image_encoder, lambda: encoders().values()),
            choice_fingerprint(vae_name, cls._autoencoder, lambda: autoencoders().values()),
        ]

    @classmethod
    @coerce_inputs
    def execute(cls, clip_vision_name: str, vae_name: str) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            image_encoder, autoencoder = cls._image_encoder(clip_vision_name), cls._autoencoder(vae_name)
            if image_encoder is None or autoencoder is None:
                _warn_built_in(vae_name if image_encoder else clip_vision_name)
            return io.NodeOutput(
                load_clip_vision(image_encoder) if image_encoder else load_small_clip_vision(BUNDLED_MODELS),
                load_vae(autoencoder) if autoencoder else load_small_vae(BUNDLED_MODELS),
            )

    @classmethod
    def _image_encoder(cls, choice: str) -> Path | None:
        return resolve_choice(choice, model_files.image_encoder_choices, model_files.require_image_encoder)

    @classmethod
    def _autoencoder(cls, choice: str) -> Path | None:
        return resolve_choice(choice, model_files.autoencoder_choices, model_files.require_autoencoder)


@searchable("openpose", "dwpose", "yolox", "onnx", advanced=("device",))
class AnimateXLoadDWPose(io.ComfyNode):
    """Selects the person detector and the keypoint estimator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadDWPose",
            display_name="Load DWPose",
            category=CATEGORY,
            description="Selects the two models of DWPose. They are loaded when poses are first "
            "detected, and not at all if the same poses are cached.",
            inputs=[
                OpenCombo(
                    "detector",
                    options=onnx_choices(),
                    tooltip="Person detector: yolox_l.onnx in models/animate_x, models/detection or "
                    "the folder of controlnet_aux. automatic uses it if found, otherwise "
                    "the small built-in model.",
                ),
                OpenCombo(
                    "estimator",
                    options=onnx_choices(),
                    tooltip="Keypoint estimator: dw-ll_ucoco_384.onnx in the same folders. The "
                    "built-in model is small and only works for drawn dancers.",
                ),
                OpenCombo(
                    "device",
                    options=DEVICES,
                    default=DEVICES[0],
                    tooltip="Device for the ONNX files. auto uses the first that works. The "
                    "built-in models run on the CPU.",
                ),
            ],
            outputs=[DWPoseModels.Output(display_name="dwpose", tooltip="The models, for DWPose Extract.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, detector: Any = None, estimator: Any = None, device: Any = None) -> Any:
        return files_fingerprint(lambda: onnx_files().values())

    @classmethod
    @coerce_inputs
    def execute(cls, detector: str, estimator: str, device: str) -> io.NodeOutput:
        check_device(device)
        with report_warnings(cls.hidden.unique_id):
            files = resolve_onnx(detector, POSE_DETECTOR), resolve_onnx(estimator, POSE_ESTIMATOR)
        return io.NodeOutput(DWPose(*files, device=device))


@searchable("animatex", "animate-x plus plus", "wan")
class AnimateXLoadPlus(io.ComfyNode):
    """Loads the modules and the LoRA of Animate-X++."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadPlus",
            display_name="Load Animate-X++",
            category=CATEGORY,
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
        return choice_fingerprint(plus_name, cls._path, lambda: model_files.plus_choices().values())

    @classmethod
    @coerce_inputs
    def execute(cls, plus_name: str) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            return io.NodeOutput(load_plus(cls._path(plus_name)))

    @classmethod
    def _path(cls, plus_name: str) -> Path:
        path = resolve_choice(plus_name, model_files.plus_choices, model_files.require_plus)
        if path is None:  # another node provides the name
            raise InvalidInput(
                f"plus_name is {plus_name}, but Animate-X++ has no built-in model: choose a file."
            )
        return path


def _warn_built_in(choice: str) -> None:
    missing = "No Animate-X model is in models/animate_x or models/diffusion_models. "
    warn((missing if choice == AUTOMATIC else "") + NOTICE)
