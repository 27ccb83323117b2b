"""Models that ComfyUI loads dynamically from files: argv is ComfyUI's folder. Prints JSON."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import apart, loading, pair, sample
from tests.comfyui.probes.pack import pack
from tests.comfyui.probes.reports import report
from tests.support.small_bundles import write_small_bundle

import comfy.model_management  # isort: skip
import comfy.model_patcher  # isort: skip
from comfy_execution.caching import all_outputs_dynamic  # isort: skip
from tests.comfyui.probes.memory_card import memory_card  # isort: skip

encoders = pack("nodes.comfy.encoders")
weights_of = pack("nodes.comfy.loading")
plus_model = pack("nodes.comfy.plus")
plus_config = pack("animatex_core.animate_x_plus.config")
plus_networks = pack("animatex_core.animate_x_plus.modules")
plus_checkpoint = pack("animatex_core.animate_x_plus.checkpoint")
plus_lora = pack("animatex_core.animate_x_plus.lora")
generate_weights = pack("animatex_core.animate_x.components").init_random_weights


def is_mapped(weight: Tensor) -> bool:
    """Whether ComfyUI can read a weight from its file straight to the card."""
    return hasattr(weight.untyped_storage(), "_comfy_tensor_file_slice")


def files() -> dict[str, Any]:
    """Whether what comes from files rests there, and gives on the card what it gives without one."""
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        bundle, plus = write_small_bundle(Path(folder) / "small"), write_plus(Path(folder))
        cases = {
            "denoiser": lambda: of_denoiser(loading.load_model_file(bundle.denoiser, "the bundle")),
            "image encoder": lambda: of_image_encoder(encoders.load_small_clip_vision(bundle)),
            "autoencoder": lambda: of_autoencoder(encoders.load_small_vae(bundle)),
            "modules of Animate-X++": lambda: of_modules(plus_model.load_plus(plus)),
        }
        for name, ask in cases.items():
            *_, expected = ask()
            with memory_card():
                *state, answer = ask()
            found[name] = [*state, apart(answer, expected)]
            comfy.model_management.unload_all_models()
    return found


def cached() -> list[bool]:
    """What ComfyUI's cache asks of an output: whether it is a model, and rests in its file."""
    with TemporaryDirectory() as folder, memory_card():
        plus = plus_model.load_plus(write_plus(Path(folder)))
        return [comfy.model_patcher.is_model_patcher_output(plus), all_outputs_dynamic([plus])]


def of_denoiser(patcher: Any) -> tuple[Any, ...]:
    return *resting(patcher), sample(patcher, pair(width=patcher.model.denoiser.context_dim))


def of_image_encoder(encoder: Any) -> tuple[Any, ...]:
    picture = torch.rand(1, 224, 224, 3, generator=torch.Generator().manual_seed(0))
    return *resting(encoder.patcher), encoder.encode_image(picture)["image_embeds"]


def of_autoencoder(vae: Any) -> tuple[Any, ...]:
    picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(0))
    return *resting(vae.patcher), vae.decode(vae.encode(picture))


def of_modules(plus: Any) -> tuple[Any, ...]:
    video = torch.rand(1, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0))
    return *resting(plus.modules), plus.encode(plus_networks.PlusInputs(video), torch.float32).pose_tokens


def resting(patcher: Any) -> tuple[bool, float]:
    """Return whether a model is loaded dynamically, and the part of its bytes that ComfyUI mapped."""
    weights = list(patcher.model.parameters())
    mapped = sum(weight.nbytes for weight in weights if is_mapped(weight))
    return weights_of.is_dynamic(patcher), mapped / sum(weight.nbytes for weight in weights)


def write_plus(folder: Path) -> Path:
    config, path = plus_config.PlusConfig.tiny("simple"), folder / "plus.safetensors"
    modules = plus_networks.PlusModules(config)
    generate_weights(modules)
    pair = plus_lora.LoraPair(torch.zeros(4, 96), torch.zeros(96, 4))
    file = plus_checkpoint.PlusFile(config, modules.state_dict(), {"blocks.0.self_attn.q": pair})
    plus_checkpoint.write_plus(path, file)
    return path


if __name__ == "__main__":
    report(files, cached)
