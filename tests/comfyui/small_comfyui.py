"""ComfyUI and every file of the Animate-X++ workflows, with networks so small that a CPU runs whole graphs.

ComfyUI reads most sizes of Wan from its files, but those of the text and image encoders from configurations
of its own, which a copy of it has with smaller numbers here. Names, keys and forms of the files are those of
the real ones.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from animatex_core.animate_x_plus.checkpoint import write_plus
from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.hub.models_dir import Variant
from tests.animate_x_plus.small_wan import (
    IPI,
    SIMPLE,
    SmallWan,
    autoencoder_tensors,
    image_tensors,
    plus_file,
    scaled,
    text_tensors,
    transformer_tensors,
)
from tests.comfyui.hosts import Host

WAN = WanConfig(dim=128, ffn_dim=128, heads=1, blocks=2)
RELEASED_VAE_DIM = 96  # the only width that every version of ComfyUI builds
CLIP_DIM = 1024  # of the projected CLIP features
CONFIGS: dict[Variant, PlusConfig] = {
    "simple": SIMPLE,
    "full": replace(SIMPLE, ipi=replace(IPI, clip_dim=CLIP_DIM)),
}
TEXT = {"d_model": WAN.text_dim, "d_kv": 64, "d_ff": 64, "num_layers": 1, "num_heads": 2, "vocab_size": 96}
IMAGE = {"num_hidden_layers": 2, "intermediate_size": 96}
IMAGE_SIZES = {
    **IMAGE,
    "hidden_size": WAN.image_dim,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "hidden_act": "gelu",
    "projection_dim": CLIP_DIM,
}
CONFIGURATIONS: dict[str, Mapping[str, Any]] = {
    "comfy/text_encoders/umt5_config_xxl.json": TEXT,
    "comfy/clip_vision_config_h.json": IMAGE,
}
# ComfyUI tells networks by layers that smaller ones lack; these have only the weight that it looks at.
TELLING_TEXT = {"encoder.block.23.layer.1.DenseReluDense.wi_1.weight": (10240, 4096)}
TELLING_IMAGE = {"vision_model.encoder.layers.30.layer_norm1.weight": (WAN.image_dim,)}
TELLING_OPEN_CLIP = {"visual.transformer.resblocks.30.ln_1.weight": (WAN.image_dim,)}
LORA = "Wan21_I2V_14B_lightx2v_cfg_step_distill_lora_rank64.safetensors"
LEFT_OUT = {".git", ".venv", "venv", "models", "input", "output", "temp", "user", "custom_nodes"}


def small_host(host: Host, folder: Path) -> Host:
    """Copy a ComfyUI, with encoders of smaller sizes."""
    copy = folder / host.path.name
    shutil.copytree(host.path, copy, ignore=lambda where, _: LEFT_OUT if Path(where) == host.path else ())
    for name, sizes in CONFIGURATIONS.items():
        configuration = json.loads((copy / name).read_text(encoding="utf-8"))
        (copy / name).write_text(json.dumps({**configuration, **sizes}), encoding="utf-8")
    return replace(host, path=copy, source=host.path)


def write_small_models(folder: Path) -> None:
    """Write every file that the workflows of Animate-X++ name into a models folder."""
    files = SmallWan(folder)
    tensors = {
        files.transformer: transformer_tensors(WAN),
        files.image_encoder: {**image_tensors(IMAGE_SIZES), **_telling(TELLING_IMAGE)},
        files.autoencoder: autoencoder_tensors(RELEASED_VAE_DIM),
        folder / "loras" / LORA: distillation_lora(),
    }
    for path, stored in tensors.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # As a CPU computes: with DynamicVRAM on, but no card, ComfyUI's own Wan does not cast its weights.
        dtype = torch.float32 if path == files.transformer else torch.float16
        save_file({key: tensor.to(dtype).contiguous() for key, tensor in stored.items()}, path)
    files.text_encoder.parent.mkdir(exist_ok=True)
    text = scaled(text_tensors({**TEXT, "feed_forward_proj": "gated-gelu"}))
    save_file({**text, **_telling(TELLING_TEXT, torch.float8_e4m3fn)}, files.text_encoder)
    torch.save(open_clip_tensors(), files.driving_encoder)


def write_plus_modules(folder: Path, variant: Variant) -> None:
    """Write the modules of one variant, and remove those of the other, which *automatic* might prefer."""
    files = SmallWan(folder)
    for other in CONFIGS:
        files.modules(other).unlink(missing_ok=True)
    files.modules(variant).parent.mkdir(exist_ok=True)
    write_plus(files.modules(variant), plus_file(CONFIGS[variant], WAN))


def distillation_lora() -> dict[str, Tensor]:
    """Return a LoRA on Wan under the names that such files have."""
    draw = torch.Generator().manual_seed(3)
    halves = {"lora_down": (4, WAN.dim), "lora_up": (WAN.dim, 4)}
    return {
        f"diffusion_model.blocks.{block}.self_attn.{layer}.{half}.weight": torch.randn(shape, generator=draw)
        / 16
        for block in range(WAN.blocks)
        for layer in "qkvo"
        for half, shape in halves.items()
    }


def open_clip_tensors() -> dict[str, Tensor]:
    """Return the vision tower under OpenCLIP's own names."""
    draw = torch.Generator().manual_seed(4)
    width, hidden = WAN.image_dim, IMAGE["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "class_embedding": (width,),
        "positional_embedding": (257, width),
        "conv1.weight": (width, 3, 14, 14),
        "proj": (width, CLIP_DIM),
        **{f"{name}.{kind}": (width,) for name in ("ln_pre", "ln_post") for kind in ("weight", "bias")},
    }
    for layer in range(IMAGE["num_hidden_layers"]):
        block = f"transformer.resblocks.{layer}"
        shapes |= {
            f"{block}.{name}.{kind}": (width,) for name in ("ln_1", "ln_2") for kind in ("weight", "bias")
        }
        linear = {
            "attn.in_proj_": (3 * width, width),
            "attn.out_proj.": (width, width),
            "mlp.c_fc.": (hidden, width),
            "mlp.c_proj.": (width, hidden),
        }
        shapes |= {f"{block}.{name}weight": shape for name, shape in linear.items()}
        shapes |= {f"{block}.{name}bias": shape[:1] for name, shape in linear.items()}
    tensors = {
        f"visual.{key}": torch.randn(shape, generator=draw) / max(1, shape[-1]) ** 0.5
        for key, shape in shapes.items()
    }
    return {**tensors, **_telling(TELLING_OPEN_CLIP)}


def _telling(shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return {key: torch.ones(shape, dtype=dtype) for key, shape in shapes.items()}
