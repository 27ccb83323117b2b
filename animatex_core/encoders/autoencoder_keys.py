"""Keys of the Stable Diffusion autoencoder's weights in latent diffusion (LDM) and in diffusers.

`v2-1_512-ema-pruned.ckpt` uses the former, `vae/diffusion_pytorch_model.safetensors` the latter.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..checkpoints.wrappers import strip_weights_prefix

PREFIX = "first_stage_model."  # of the autoencoder inside a full Stable Diffusion checkpoint

LEVELS = 4
"""Levels of Stable Diffusion's decoder."""

ENDS = ("encoder.conv_in.weight", "decoder.conv_out.weight")
"""Keys of any autoencoder, the same in LDM and diffusers."""

# (LDM, diffusers), replaced in this order in both directions: longer names come first.
PAIRS = (
    (".mid.block_1.", ".mid_block.resnets.0."),
    (".mid.block_2.", ".mid_block.resnets.1."),
    (".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."),
    (".mid.attn_1.q.", ".mid_block.attentions.0.to_q."),
    (".mid.attn_1.k.", ".mid_block.attentions.0.to_k."),
    (".mid.attn_1.v.", ".mid_block.attentions.0.to_v."),
    (".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."),
    ("encoder.down.", "encoder.down_blocks."),
    (".block.", ".resnets."),
    (".downsample.", ".downsamplers.0."),
    (".upsample.", ".upsamplers.0."),
    (".nin_shortcut.", ".conv_shortcut."),
    (".norm_out.", ".conv_norm_out."),
)

# Names of the attention in diffusers until 2023, which the published file still uses.
FORMER_NAMES = (
    (".attentions.0.query.", ".attentions.0.to_q."),
    (".attentions.0.key.", ".attentions.0.to_k."),
    (".attentions.0.value.", ".attentions.0.to_v."),
    (".attentions.0.proj_attn.", ".attentions.0.to_out.0."),
)


def without_prefix(tensors: Mapping[str, Tensor], source: str | Path = "the checkpoint") -> dict[str, Tensor]:
    """Extract the autoencoder's tensors from a full Stable Diffusion checkpoint; others are unwrapped."""
    inside = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items() if key.startswith(PREFIX)}
    return inside or strip_weights_prefix(tensors, ENDS, source)


def has_ldm_names(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether the tensors, without prefix, have LDM's names rather than those of diffusers."""
    return any(".mid.attn_1." in key for key in tensors)


def ldm_to_diffusers(tensors: Mapping[str, Tensor], levels: int = LEVELS) -> dict[str, Tensor]:
    """Rename tensors from LDM to diffusers.

    The attention's 1 x 1 convolutions (c, c, 1, 1) become linear layers (c, c).

    Args:
        tensors: Tensors under LDM's names, without prefix.
        levels: Levels of the decoder.

    Returns:
        The tensors under the names of diffusers.

    """
    pairs = _level_names(levels) + PAIRS
    renamed = {_replace(key, pairs): tensor for key, tensor in tensors.items()}
    return {key: tensor.flatten(1) if _is_linear(key) else tensor for key, tensor in renamed.items()}


def diffusers_to_ldm(tensors: Mapping[str, Tensor], levels: int = LEVELS) -> dict[str, Tensor]:
    """Rename tensors from diffusers to LDM: the inverse of `ldm_to_diffusers`."""
    backwards = tuple((ours, ldm) for ldm, ours in _level_names(levels) + PAIRS)
    return {
        _replace(key, backwards): tensor[:, :, None, None] if _is_linear(key) else tensor
        for key, tensor in tensors.items()
    }


def current_diffusers_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a diffusers file of any version to the current names."""
    return {_replace(key, FORMER_NAMES): tensor for key, tensor in tensors.items()}


def _level_names(levels: int) -> tuple[tuple[str, str], ...]:
    """Return the pairs of the decoder's levels, which LDM and diffusers number in opposite order."""
    return tuple((f"decoder.up.{n}.", f"decoder.up_blocks.{levels - 1 - n}.") for n in range(levels))


def _replace(key: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        key = key.replace(old, new)
    return key


def _is_linear(key: str) -> bool:
    """Return whether a diffusers key is the weight of a linear layer of the attention."""
    return ".attentions.0.to_" in key and key.endswith(".weight")
