"""The denoiser under ComfyUI's dynamic loading, beside a model of ComfyUI: argv is ComfyUI's folder.

Prints JSON.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import FILE, apart, load, noise, pair
from tests.comfyui.probes.pack import known_weights, pack
from tests.comfyui.probes.reports import report

import comfy.sd  # isort: skip
import comfy.supported_models  # isort: skip
from tests.comfyui.probes.memory_card import CARD, memory_card, on_card, rest  # isort: skip

DenoiserConfig = pack("animatex_core.animate_x.config").DenoiserConfig
unets = pack("animatex_core.animate_x.unet")
generate_weights = pack("animatex_core.animate_x.components").init_random_weights
CHANNELS = 96  # enough for layers of the sizes that ComfyUI stages
CONFIG = DenoiserConfig.from_dict({**DenoiserConfig.tiny().to_dict(), "channels": CHANNELS})


def tensors() -> dict[str, Tensor]:
    network = unets.AnimateXUNet(CONFIG)
    generate_weights(network)
    return {key: tensor.half() for key, tensor in network.state_dict().items()}


TENSORS = tensors()
LORA_LAYER = "middle_block.0.in_layers.2.weight"


@contextmanager
def denoiser(weight_dtype: str = "fp32", budget: int = 1 << 40) -> Iterator[Any]:
    with memory_card(budget):
        patcher = load(weight_dtype, config=CONFIG, tensors=TENSORS)
        rest(patcher.model)
        yield patcher


def without_dynamic_loading(weight_dtype: str = "fp32") -> Any:
    """Return what is answered where all weights are loaded in the old way."""
    with memory_card():
        patcher = pack("nodes.comfy.loading").load_model(
            pack("animatex_core.animate_x.checkpoint").DenoiserFile(CONFIG, TENSORS, FILE.text_context),
            "the model",
            weight_dtype,
            disable_dynamic=True,
        )
        return answer(patcher)


def answer(patcher: Any) -> Tensor:
    """Ask the model once, as it is loaded at the moment."""
    tensor, values = pair()[0][0]
    conds = patcher.model.extra_conds(**values, cross_attn=tensor, device=CARD, noise=noise())
    passes = {key: each.concat([]) for key, each in conds.items()}
    return patcher.model.apply_model(noise(), torch.ones(len(noise())), **passes)


def values() -> dict[str, Any]:
    found = {}
    for weight_dtype in ("fp32", "fp16", "bf16", "fp8_e4m3fn", "fp8_e4m3fn_fast"):
        expected = without_dynamic_loading(weight_dtype)
        with denoiser(weight_dtype) as patcher:
            patcher.partially_load(CARD)
            found[weight_dtype] = apart(answer(patcher), expected)
    return found


def stays_mapped() -> dict[str, bool]:
    """Whether weights are those of the file before, while and after they are on the card."""
    found = {}
    with denoiser() as patcher:
        for name, act in (
            ("before", lambda: None),
            ("loaded", lambda: (patcher.partially_load(CARD), answer(patcher))),
            ("unloaded", lambda: patcher.partially_unload(None, 1e32)),
        ):
            act()
            staged = [
                name
                for name, module in patcher.model.diffusion_model.named_modules()
                if hasattr(module, "_v")
            ]
            weights = dict(patcher.model.diffusion_model.named_parameters())
            names = weights if name != "loaded" else [f"{module}.weight" for module in staged]
            found[name] = all(weights[key].data_ptr() == TENSORS[key].data_ptr() for key in names)
    return found


def bytes_on_card() -> dict[str, dict[str, Any]]:
    return {"ours": moved(denoiser, answer), "ComfyUI's": moved(stable_diffusion, answer_of_comfyui)}


def moved(model: Callable[..., Any], ask: Callable[[Any], Tensor]) -> dict[str, Any]:
    with model() as patcher:
        patcher.partially_load(CARD)
        loaded = on_card(patcher)
        whole = ask(patcher)
        used = on_card(patcher)
        freed = patcher.partially_unload(None, used["resident"] // 2)
        half = on_card(patcher)
        again = apart(ask(patcher), whole)
        patcher.partially_unload(None, 1e32)
        nothing = patcher.loaded_size()
    with model(budget=loaded["staged"] // 3) as patcher:
        patcher.partially_load(CARD)
        scarce = apart(ask(patcher), whole)
        little = on_card(patcher)
    return {
        "loaded": loaded,
        "used": used,
        "freed": freed,
        "half": half,
        "again": again,
        "left": nothing,
        "scarce": little,
        "scarce difference": scarce,
    }


@contextmanager
def stable_diffusion(budget: int = 1 << 40) -> Iterator[Any]:
    """Give a small UNet of Stable Diffusion 1.5's form, loaded as ComfyUI's own loader does."""
    sizes = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 128,
        "legacy": False,
        "num_res_blocks": [1] * 3,
        "channel_mult": [1, 2, 2],
        "transformer_depth": [1] * 3,
        "transformer_depth_output": [1] * 6,
        "transformer_depth_middle": 1,
        "context_dim": 64,
        "num_heads": 8,
        "use_spatial_transformer": True,
        "use_checkpoint": False,
        "adm_in_channels": None,
        "use_temporal_attention": False,
    }
    config = comfy.supported_models.SD15(sizes)
    with known_weights():
        network = config.get_model({}, device=torch.device("cpu")).diffusion_model
    generate_weights(network)
    weights = {key: tensor.half() for key, tensor in network.state_dict().items()}
    with memory_card(budget):
        config.set_inference_dtype(torch.float32, None)
        model = config.get_model({}, device=torch.device("cpu"))
        patcher = comfy.model_patcher.CoreModelPatcher(model, CARD, torch.device("cpu"))
        model.load_model_weights(dict(weights), "", assign=patcher.is_dynamic())
        rest(model)
        yield patcher


def answer_of_comfyui(patcher: Any) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x, text = torch.randn(1, 4, 16, 16, generator=generator), torch.randn(1, 7, 64, generator=generator)
    return patcher.model.apply_model(x, torch.ones(1), c_crossattn=text)


def lora() -> dict[str, float]:
    weight = TENSORS[LORA_LAYER].float()
    generator = torch.Generator().manual_seed(0)
    down = torch.randn(2, *weight.shape[1:], generator=generator)
    up = torch.randn(weight.shape[0], 2, 1, 1, generator=generator)
    name = f"diffusion_model.{LORA_LAYER.removesuffix('.weight')}"
    trained = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    merged = weight + (up.flatten(1) @ down.flatten(1)).view(weight.shape)
    with denoiser() as patcher:
        patcher.partially_load(CARD)
        plain = answer(patcher)
        patched, _ = comfy.sd.load_lora_for_models(patcher, None, trained, 1.0, 0.0)
        patched.partially_load(CARD)
        found = answer(patched)
        patcher.partially_load(CARD)
        after = answer(patcher)
    with memory_card():
        whole = load("fp32", config=CONFIG, tensors={**TENSORS, LORA_LAYER: merged})
        rest(whole.model)
        whole.partially_load(CARD)
        expected = answer(whole)
    return {
        "difference": apart(found, expected),
        "effect": apart(expected, plain),
        "left behind": apart(after, plain),
    }


if __name__ == "__main__":
    report(values, stays_mapped, bytes_on_card, lora)
