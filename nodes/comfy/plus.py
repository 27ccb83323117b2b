"""The modules of Animate-X++ under ComfyUI's memory management, their inputs, and the LoRA on Wan."""

from dataclasses import dataclass, replace
from pathlib import Path

import comfy.lora
import comfy.model_management
import comfy.ops
import torch
from comfy.clip_vision import ClipVisionModel
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.animate_x.conditioning import MotionFeatures, encode_motion
from ...animatex_core.animate_x_plus.checkpoint import PREFIX, build_plus, read_plus
from ...animatex_core.animate_x_plus.conditions import PlusConditions
from ...animatex_core.animate_x_plus.config import PlusConfig
from ...animatex_core.animate_x_plus.lora import COMFYUI_PREFIX, Lora, check_targets, to_comfyui_keys
from ...animatex_core.animate_x_plus.modules import FRAMES_AT_ONCE, REPEATS, PlusInputs
from ...animatex_core.animate_x_plus.preprocessing import JPEG_QUALITY, inputs_from_poses
from ...animatex_core.animate_x_plus.shapes import WanShape, require_frames
from ...animatex_core.errors import InvalidInput
from ...animatex_core.pose.keypoints import PoseSequence
from .encoders import ComfyImageEncoder
from .images import iterate_images, require_one_batch
from .loading import is_dynamic, make_patcher, map_with_comfyui
from .messages import node_progress

Plus = io.Custom("ANIMATEX_PLUS")
_ACTIVATIONS = 3  # of the pose video's encoder that are in memory at once
_BYTES = 4  # of float32


@dataclass(frozen=True, eq=False)
class PlusModel:
    """The content of a file of Animate-X++.

    Attributes:
        modules: A patcher of `PlusNetworks`.
        lora: The LoRA for Wan.
        source: The file as messages name it.

    """

    modules: ModelPatcher
    lora: Lora
    source: str

    @property
    def config(self) -> PlusConfig:
        """Sizes of the modules."""
        return self.modules.model.config

    @property
    def patcher(self) -> ModelPatcher:
        """The modules, under the name by which ComfyUI's cache finds models among outputs."""
        return self.modules

    def is_dynamic(self) -> bool:
        """Whether the weights stay in their file, so that ComfyUI's cache would free nothing with them."""
        return is_dynamic(self.modules)

    def encode(self, inputs: PlusInputs, dtype: torch.dtype) -> PlusConditions:
        """Encode the conditions of a video in float32, as the official code does.

        Args:
            inputs: The inputs of the modules.
            dtype: The dtype of the result, that of Wan.

        Returns:
            Conditions on the device where ComfyUI keeps results.

        """
        needed = self._activation_bytes(inputs)
        comfy.model_management.load_models_gpu([self.modules], memory_required=needed)
        conditions = self.modules.model.encode(inputs.to(self.modules.load_device))
        return conditions.to(comfy.model_management.intermediate_device(), dtype)

    def _activation_bytes(self, inputs: PlusInputs) -> int:
        videos, _, frames, height, width = inputs.pose_video.shape
        at_once = min(frames + REPEATS, FRAMES_AT_ONCE)
        return _ACTIVATIONS * _BYTES * self.config.hidden * videos * at_once * height * width


def load_plus(path: Path) -> PlusModel:
    """Load a converted file or an original checkpoint; the modules stay in float32.

    Raises:
        CheckpointError: For a file that is damaged, unsafe or of another model.

    """
    device = comfy.model_management.get_torch_device()
    offload_device = comfy.model_management.unet_offload_device()
    file = read_plus(path)
    file = replace(file, modules=map_with_comfyui(path, file.modules, PREFIX))
    loaded = build_plus(file, str(path), operations=comfy.ops.manual_cast)
    modules = make_patcher(loaded.networks, device, offload_device)
    if not is_dynamic(modules):
        loaded.networks.to(offload_device)
    return PlusModel(modules, loaded.lora, str(path))


def apply_lora(model: ModelPatcher, plus: PlusModel, strength: float) -> ModelPatcher:
    """Return a clone of a Wan MODEL with the LoRA among its patches.

    Raises:
        WrongCheckpoint: If the MODEL lacks a layer of the LoRA, which ComfyUI would skip silently.

    """
    weights = model.model_state_dict(COMFYUI_PREFIX)
    named = {key.removeprefix(COMFYUI_PREFIX): tensor.shape for key, tensor in weights.items()}
    check_targets(plus.lora, named, plus.source)
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    patched = model.clone()
    patched.add_patches(comfy.lora.load_lora(to_comfyui_keys(plus.lora), keys), strength)
    return patched


def require_poses(poses: PoseSequence, shape: WanShape) -> None:
    """Raise InvalidInput unless there is one pose per frame of a video."""
    require_frames(len(poses), "the number of poses")
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are {len(poses)} poses, but WanImageToVideo makes {shape.frames} frames: set its length "
            f"to {len(poses)}, or connect as many poses as frames."
        )


def encode_driving_motion(
    config: PlusConfig,
    clip_vision: ClipVisionModel | None,
    frames: Tensor | None,
    poses: PoseSequence,
) -> MotionFeatures | None:
    """Encode the driving frames for the implicit pose indicator of the full variant.

    Args:
        config: Sizes of the modules.
        clip_vision: OpenCLIP ViT-H-14.
        frames: (f, h, w, 3) in 0..1.
        poses: The poses detected in these frames.

    Returns:
        The features; None for the simple variant, which has no such indicator.

    Raises:
        InvalidInput: If an input is missing or does not fit.

    """
    if config.ipi is None:
        return None
    if clip_vision is None or frames is None:
        missing = "clip_vision" if clip_vision is None else "frames"
        raise InvalidInput(
            f"The full variant of Animate-X++ encodes the driving frames, but {missing} is not connected: "
            "connect clip_vision (OpenCLIP ViT-H-14) and frames, or load the simple variant."
        )
    require_one_batch(len(frames), len(poses))
    encoder = ComfyImageEncoder(clip_vision)
    motion = encode_motion(encoder, iterate_images(frames), poses, node_progress(len(poses)))
    width = motion.clip.shape[-1]
    if width != config.ipi.clip_dim:
        raise InvalidInput(
            f"The CLIP_VISION gives features of width {width}, but Animate-X++ needs {config.ipi.clip_dim}: "
            "load OpenCLIP ViT-H-14 with Load CLIP Vision."
        )
    return motion


def build_plus_inputs(
    shape: WanShape,
    poses: PoseSequence,
    reference_pose: PoseSequence | None,
    motion: MotionFeatures | None,
    *,
    at_own_size: bool,
    jpeg_noise: bool,
) -> PlusInputs:
    """Draw poses for a video and collect the inputs of the modules.

    Args:
        shape: Size of the video.
        poses: One pose per frame.
        reference_pose: As in the core's `inputs_from_poses`.
        motion: From `encode_driving_motion`.
        at_own_size: As in the core's `inputs_from_poses`.
        jpeg_noise: Whether drawn poses are compressed as JPEG, as in the official code.

    """
    inputs = inputs_from_poses(
        poses,
        shape,
        reference_pose,
        None if motion is None else motion.clip,
        JPEG_QUALITY if jpeg_noise else None,
        at_own_size=at_own_size,
        progress=node_progress(len(poses)),
    )
    if motion is None:
        return inputs
    return replace(inputs, keypoints=torch.from_numpy(motion.poses.keypoints())[None])
