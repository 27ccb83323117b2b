"""The native model's weights in ComfyUI's hands: argv is the folder of ComfyUI. Prints JSON."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import (
    CPU,
    FILE,
    WINDOWS,
    ClipShape,
    apart,
    conditions,
    core_guess,
    guess,
    inputs,
    load,
    loading,
    noise,
    pair,
    relative_error,
    sample,
    sampling,
)
from tests.comfyui.probes.pack import pack
from tests.comfyui.probes.reports import report
from tests.support.small_bundles import write_small_bundle

import comfy.hooks  # isort: skip
import comfy.sampler_helpers  # isort: skip
import comfy.sd  # isort: skip
from comfy_api.torch_helpers import set_torch_compile_wrapper  # isort: skip

model = pack("nodes.comfy.denoiser")
SHIPPED = pack("animatex_core.hub.bundled").BUNDLED_MODELS
OTHER_CPU = torch.device("cpu", 0)
DenoiserConfig = pack("animatex_core.animate_x.config").DenoiserConfig
AnimateXUNet = pack("animatex_core.animate_x.unet").AnimateXUNet
init_random_weights = pack("animatex_core.animate_x.components").init_random_weights


def storage() -> dict[str, Any]:
    expected, found = core_guess(), {}
    for name in loading.WEIGHT_DTYPES:
        patcher = load(name)
        error = relative_error(guess(patcher, pair()), expected)
        found[name] = [str(patcher.model_dtype()), str(patcher.model.compute_dtype), error]
    return found


def a_cpu_maps_the_file() -> list[Any]:
    halves = {key: tensor.half() for key, tensor in FILE.tensors.items()}
    patcher = load(tensors=halves)
    mapped = dict(patcher.model.diffusion_model.named_parameters())
    shared = [mapped[key].data_ptr() == tensor.data_ptr() for key, tensor in halves.items()]
    return [str(patcher.model_dtype()), all(shared)]


def for_inference() -> list[int]:
    network = load().model
    training = [module.training for module in network.modules()]
    return [training.count(True), [weight.requires_grad for weight in network.parameters()].count(True)]


def partly_loaded() -> dict[str, Any]:
    patcher = load("fp16")
    expected = _direct(patcher)
    patcher.patch_model(CPU, lowvram_model_memory=patcher.model_size() // 3)
    waiting = [module for module in patcher.model.modules() if hasattr(module, "prev_comfy_cast_weights")]
    return {"waiting": len(waiting), "difference": apart(_direct(patcher), expected)}


def lora() -> dict[str, float]:
    key = "input_blocks.1.0.in_layers.2.weight"
    weight = FILE.tensors[key]
    up, down = _factors(weight)
    patcher = load()
    plain = guess(patcher, pair())
    patched, _ = comfy.sd.load_lora_for_models(patcher, None, _lora(key, up, down), 1.0, 0.0)
    merged = {**FILE.tensors, key: weight + (up.flatten(1) @ down.flatten(1)).view(weight.shape)}
    expected = guess(load(tensors=merged), pair())
    return {
        "difference": apart(guess(patched, pair()), expected),
        "effect": apart(expected, plain),
        "left behind": apart(guess(patcher, pair()), plain),
    }


def _factors(weight: Tensor) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    down = 0.1 * torch.randn(2, *weight.shape[1:], generator=generator)
    return torch.randn(weight.shape[0], 2, 1, 1, generator=generator), down


def _lora(key: str, up: Tensor, down: Tensor) -> dict[str, Tensor]:
    name = f"diffusion_model.{key.removesuffix('.weight')}"
    return {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}


def scheduled_lora() -> float:
    """How far a LoRA that begins after the first step moves a model that predicts the same at every step."""
    config = replace(FILE.config, puppet=True, ignores_noise=True)
    unet = AnimateXUNet(config)
    init_random_weights(unet, 0)
    patcher = load(config=config, tensors=dict(unet.state_dict()))
    key = "out.2.weight"
    up, down = _factors(unet.get_parameter(key))
    hooks, keyframes = (
        comfy.hooks.create_hook_lora(_lora(key, up, down), 1.0, 0.0),
        comfy.hooks.HookKeyframeGroup(),
    )
    for strength, start in ((0.0, 0.0), (1.0, 0.5)):
        keyframes.add(comfy.hooks.HookKeyframe(strength, start))
    hooks.set_keyframes_on_hooks(keyframes)
    hooked = [comfy.hooks.set_hooks_for_conditioning(conds, hooks) for conds in pair()]
    return relative_error(sample(patcher, hooked), sample(patcher, pair()))


def compiled() -> float:
    patcher = load()
    expected = guess(patcher, pair(WINDOWS))
    set_torch_compile_wrapper(patcher, backend="eager")  # what its node does, but for minutes of C++
    return apart(guess(patcher, pair(WINDOWS)), expected)


def memory() -> dict[str, list[float]]:
    config = model.AnimateXConfig(DenoiserConfig.released())
    config.set_inference_dtype(torch.float16, None)
    released = model.AnimateXModel(config, None)

    def gigabytes(frames: int, windows: Any = None) -> list[float]:
        conds = conditions.ClipCondition(inputs(ClipShape(512, 768, frames)))
        values = [{conditions.CONDITION: conds, conditions.WINDOWS: windows}]
        shapes = [released.extra_conds_shapes(**each)[conditions.CONDITION] for each in values]
        return [
            released.memory_required([passes * frames, 4, 96, 64], {conditions.CONDITION: shapes}) / 2**30
            for passes in (1, 2)
        ]

    return {
        "32": gigabytes(32),
        "128": gigabytes(128),
        "128 in windows": gigabytes(128, sampling.Windows()),
        "of unknown conditions": [released.memory_required([32, 4, 96, 64]) / 2**30],
    }


def _direct(patcher: Any) -> Tensor:
    """Ask the model once, however it is loaded at the moment."""
    tensor, values = pair()[0][0]
    conds = patcher.model.extra_conds(**values, cross_attn=tensor, device=CPU, noise=noise())
    passes = {key: each.concat([]) for key, each in conds.items()}
    return patcher.model.apply_model(noise(), torch.ones(len(noise())), **passes)


def on_two_devices() -> dict[str, Any] | None:
    """Sample with the passes on two devices, where ComfyUI can; the second is the CPU under another name."""
    multigpu = sys.modules.get("comfy.multigpu")
    if multigpu is None:
        return None
    with TemporaryDirectory() as folder:
        path = write_small_bundle(Path(folder)).denoiser
        patcher = loading.load_model_file(path, "the bundle", "fp16")
        conds = pair(width=patcher.model.denoiser.context_dim)
        expected = sample(patcher, conds)
        both, devices = patcher.clone(), []
        clone = both.deepclone_multigpu(OTHER_CPU)
    clone.is_multigpu_base_clone = True
    both.set_additional_models("multigpu", [clone])
    both.match_multigpu_clones()
    multigpu.GPUOptionsGroup().register(both)
    for each in (both, *both.get_additional_models_with_key("multigpu")):
        each.model.diffusion_model.register_forward_hook(
            lambda *_, device=str(each.load_device): devices.append(device)
        )
    one, other = (each.model.diffusion_model.state_dict() for each in (patcher, clone))
    return {
        "equal": one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one),
        "shared": patcher.model is clone.model,
        "difference": relative_error(sample(both, conds), expected),
        "devices": sorted(set(devices)),
    }


def without_dynamic_loading() -> list[Any] | None:
    """What ComfyUI asks for where a model goes to the CPU, or a LoRA is scheduled."""
    patcher = loading.load_model_file(SHIPPED.denoiser, "the built-in model")
    if not hasattr(patcher, "is_dynamic"):
        return None
    init, arguments = patcher.cached_patcher_init
    again = init(*arguments, disable_dynamic=True)
    one, other = (each.model.diffusion_model.state_dict() for each in (patcher, again))
    return [again.is_dynamic(), all(torch.equal(one[key], other[key]) for key in one)]


if __name__ == "__main__":
    report(
        storage,
        a_cpu_maps_the_file,
        for_inference,
        partly_loaded,
        lora,
        scheduled_lora,
        compiled,
        memory,
        on_two_devices,
        without_dynamic_loading,
    )
