"""The modules of Animate-X++ under ComfyUI's memory management, and its LoRA on ComfyUI's Wan."""

from dataclasses import dataclass, replace
from pathlib import Path

import comfy.lora
import comfy.ops
import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ...animatex_core.animate_x_plus.checkpoint import PREFIX, build_plus, read_plus
from ...animatex_core.animate_x_plus.conditions import PlusConditions
from ...animatex_core.animate_x_plus.config import PlusConfig
from ...animatex_core.animate_x_plus.lora import HOST_PREFIX, Lora, check_targets, host_lora
from ...animatex_core.animate_x_plus.modules import FRAMES_AT_ONCE, REPEATS, PlusInputs
from .weights import is_dynamic, make_patcher, mapped_by_comfyui

Plus = io.Custom("ANIMATEX_PLUS")
_ALIVE = 3  # activations of the pose video's encoder that are in memory at once
_FLOAT32 = 4  # bytes


@dataclass(frozen=True, eq=False)
class HostedPlus:
    """What a file of Animate-X++ holds. modules: a patcher of `PlusNetworks`; source: the file in words."""

    modules: ModelPatcher
    lora: Lora
    source: str

    @property
    def config(self) -> PlusConfig:
        """Sizes of the modules."""
        return self.modules.model.config

    @property
    def patcher(self) -> ModelPatcher:
        """The modules, under the name by which ComfyUI's cache knows a model among outputs."""
        return self.modules

    def is_dynamic(self) -> bool:
        """Whether the modules rest in their file, so that ComfyUI's cache would free nothing with them."""
        return is_dynamic(self.modules)

    def encode(self, inputs: PlusInputs, dtype: torch.dtype) -> PlusConditions:
        """Encode a clip's conditions in float32, as released, and return them in `dtype`, that of Wan.

        They lie where ComfyUI keeps what nodes give each other.
        """
        model_management.load_models_gpu([self.modules], memory_required=self._activations(inputs))
        conditions = self.modules.model.encode(inputs.to(self.modules.load_device))
        return conditions.to(model_management.intermediate_device(), dtype)

    def _activations(self, inputs: PlusInputs) -> int:
        clips, _, frames, height, width = inputs.pose_video.shape
        at_once = min(frames + REPEATS, FRAMES_AT_ONCE)
        return _ALIVE * _FLOAT32 * self.config.hidden * clips * at_once * height * width


def load_hosted_plus(path: Path) -> HostedPlus:
    """Load a converted file or a released checkpoint; the modules stay in float32, as released."""
    device, resting = model_management.get_torch_device(), model_management.unet_offload_device()
    file = read_plus(path)
    file = replace(file, modules=mapped_by_comfyui(path, file.modules, PREFIX))
    loaded = build_plus(file, str(path), operations=comfy.ops.manual_cast)
    modules = make_patcher(loaded.networks, device, resting)
    if not is_dynamic(modules):
        loaded.networks.to(resting)
    return HostedPlus(modules, loaded.lora, str(path))


def with_lora(model: ModelPatcher, plus: HostedPlus, strength: float) -> ModelPatcher:
    """Return a clone of a Wan MODEL with the LoRA among its patches.

    Raises WrongCheckpoint where a layer of the LoRA is not in it: ComfyUI would leave it out unseen.
    """
    weights = model.model_state_dict(HOST_PREFIX)
    named = {key.removeprefix(HOST_PREFIX): tensor.shape for key, tensor in weights.items()}
    check_targets(plus.lora, named, plus.source)
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    patched = model.clone()
    patched.add_patches(comfy.lora.load_lora(host_lora(plus.lora), keys), strength)
    return patched
