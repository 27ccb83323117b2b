"""Runs inside ComfyUI's own modules, in a process of its own: argv is the folder of ComfyUI. Prints JSON.

A tiny denoiser with ComfyUI's layers is stored in half precision, wrapped in ComfyUI's ModelPatcher, and run
in float32 while only part of it counts as loaded.
"""

import json
import logging
import sys

import torch

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.unet import AnimateXUNet
from tests.animate_x.samples import tiny_inputs, tiny_latents
from tests.animate_x.test_unet import run
from tests.comfyui.probes.pack import movable

PATCHED = (
    "pose_embedding_after.latents.weight",
    "pose_embedding_before.encoder.layers.0.self_attn.to_q.weight",
)


def main(comfyui: str) -> dict[str, object]:
    sys.argv = ["comfyui", "--cpu"]
    sys.path.insert(0, comfyui)
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.model_patcher
    import comfy.ops

    logging.disable(logging.CRITICAL)
    results: dict[str, object] = {}
    for temporal in ("transformer", "mamba"):
        results[temporal] = _measure(comfy, temporal)
    return results


def _measure(comfy, temporal: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    config = DenoiserConfig.from_dict({**DenoiserConfig.tiny().to_dict(), "temporal": temporal})
    plain = AnimateXUNet(config)
    init_random_weights(plain)
    plain.half().float().eval().requires_grad_(False)
    hosted = AnimateXUNet(config, comfy.ops.manual_cast, dtype=torch.float16)
    hosted.load_state_dict(plain.half().state_dict())
    plain.float()
    hosted.eval().requires_grad_(False)

    cpu = torch.device("cpu")
    patcher = comfy.model_patcher.ModelPatcher(hosted, load_device=cpu, offload_device=cpu)
    patches = {name: (torch.ones_like(plain.state_dict()[name]),) for name in PATCHED}
    patched = patcher.clone()
    patched.add_patches(patches, strength_patch=0.1)

    listed = movable(patcher)
    owners = {name.rpartition(".")[0] for name, _ in hosted.named_parameters()}
    inputs, x = tiny_inputs(), tiny_latents()
    budget = patcher.model_size() // 3
    patcher.patch_model(cpu, lowvram_model_memory=budget)
    lowvram = sum(hasattr(module, "prev_comfy_cast_weights") for module in hosted.modules())
    difference = (run(hosted, inputs, x) - run(plain, inputs, x)).abs().max().item()
    patcher.unpatch_model(cpu)

    with torch.no_grad():
        for name in PATCHED:
            plain.state_dict()[name].add_(0.1)
    patched.patch_model(cpu, lowvram_model_memory=budget)
    patched_difference = (run(hosted, inputs, x) - run(plain, inputs, x)).abs().max().item()
    patched.unpatch_model(cpu)
    unpatched_effect = (run(hosted, inputs, x) - run(plain, inputs, x)).abs().max().item()
    return {
        "never moved": sorted(owners - listed),
        "loaded partially": lowvram,
        "difference": difference,
        "difference with patches": patched_difference,
        "effect of patches": unpatched_effect,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
