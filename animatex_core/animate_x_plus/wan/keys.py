"""Keys and shapes of Wan's image-to-video transformer: official ones, and the names in diffusers.

ComfyUI and the LoRA of Animate-X++ use the official keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...checkpoints.wrappers import strip_weights_prefix
from ..config import WanConfig

# Official name -> name in diffusers, without the final ".weight" or ".bias".
_TOP = {
    "patch_embedding": "patch_embedding",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
    "time_projection.1": "condition_embedder.time_proj",
    "img_emb.proj.0": "condition_embedder.image_embedder.norm1",
    "img_emb.proj.1": "condition_embedder.image_embedder.ff.net.0.proj",
    "img_emb.proj.3": "condition_embedder.image_embedder.ff.net.2",
    "img_emb.proj.4": "condition_embedder.image_embedder.norm2",
    "head.head": "proj_out",
    "head.modulation": "scale_shift_table",
}
_BLOCK = {
    "self_attn.q": "attn1.to_q",
    "self_attn.k": "attn1.to_k",
    "self_attn.v": "attn1.to_v",
    "self_attn.o": "attn1.to_out.0",
    "self_attn.norm_q": "attn1.norm_q",
    "self_attn.norm_k": "attn1.norm_k",
    "cross_attn.q": "attn2.to_q",
    "cross_attn.k": "attn2.to_k",
    "cross_attn.v": "attn2.to_v",
    "cross_attn.o": "attn2.to_out.0",
    "cross_attn.norm_q": "attn2.norm_q",
    "cross_attn.norm_k": "attn2.norm_k",
    "cross_attn.k_img": "attn2.add_k_proj",
    "cross_attn.v_img": "attn2.add_v_proj",
    "cross_attn.norm_k_img": "attn2.norm_added_k",
    "norm3": "norm2",
    "ffn.0": "ffn.net.0.proj",
    "ffn.2": "ffn.net.2",
    "modulation": "scale_shift_table",
}
_ENDS = (".weight", ".bias")
_PROBES = ("patch_embedding.weight",)
"""Keys of the transformer in both forms, from which a common prefix is detected."""

_PREFIXES = ("model.diffusion_model.", "diffusion_model.")


@dataclass(frozen=True)
class _Form:
    """Shape of a layer's weight, and whether it has a bias; `leaf` is for a bare parameter."""

    weight: tuple[int, ...]
    bias: bool = True
    leaf: bool = False

    def shapes(self, name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield (name if self.leaf else f"{name}.weight"), self.weight
        if self.bias and not self.leaf:
            yield f"{name}.bias", self.weight[:1]


def wan_shapes(config: WanConfig) -> dict[str, tuple[int, ...]]:
    """Return every official key of the transformer with its shape."""
    forms = _top_forms(config)
    for index in range(config.blocks):
        forms |= {f"blocks.{index}.{name}": form for name, form in _block_forms(config).items()}
    return dict(entry for name, form in forms.items() for entry in form.shapes(name))


def without_prefix(tensors: Mapping[str, Tensor], source: str | Path = "the checkpoint") -> dict[str, Tensor]:
    """Remove the prefix of the transformer's keys in a checkpoint, if there is one."""
    for prefix in _PREFIXES:
        inside = {key.removeprefix(prefix): x for key, x in tensors.items() if key.startswith(prefix)}
        if inside:
            return inside
    return strip_weights_prefix(tensors, _PROBES, source)


def to_diffusers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename official keys to those of diffusers; keys that are not Wan's are kept."""
    return {diffusers_name(key): tensor for key, tensor in tensors.items()}


def diffusers_name(key: str) -> str:
    """Return the key in diffusers for an official one; a key that is not Wan's is returned unchanged."""
    end = next((end for end in _ENDS if key.endswith(end)), "")
    stem = key.removesuffix(end)
    if not stem.startswith("blocks."):
        return _TOP.get(stem, stem) + end
    _, index, name = stem.split(".", 2)
    return f"blocks.{index}.{_BLOCK.get(name, name)}{end}"


def _top_forms(config: WanConfig) -> dict[str, _Form]:
    dim, image = config.dim, config.image_dim
    return {
        "patch_embedding": _Form((dim, config.in_channels, 1, 2, 2)),
        "text_embedding.0": _Form((dim, config.text_dim)),
        "text_embedding.2": _Form((dim, dim)),
        "time_embedding.0": _Form((dim, config.freq_dim)),
        "time_embedding.2": _Form((dim, dim)),
        "time_projection.1": _Form((6 * dim, dim)),
        "img_emb.proj.0": _Form((image,)),
        "img_emb.proj.1": _Form((image, image)),
        "img_emb.proj.3": _Form((dim, image)),
        "img_emb.proj.4": _Form((dim,)),
        "head.head": _Form((4 * config.out_channels, dim)),
        "head.modulation": _Form((1, 2, dim), leaf=True),
    }


def _block_forms(config: WanConfig) -> dict[str, _Form]:
    dim = config.dim
    square, gain = _Form((dim, dim)), _Form((dim,), bias=False)
    special = {
        "norm3": _Form((dim,)),
        "ffn.0": _Form((config.ffn_dim, dim)),
        "ffn.2": _Form((dim, config.ffn_dim)),
        "modulation": _Form((1, 6, dim), leaf=True),
    }
    return {name: special.get(name) or (gain if ".norm_" in name else square) for name in _BLOCK}
