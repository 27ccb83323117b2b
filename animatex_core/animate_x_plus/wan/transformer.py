"""Wan's transformer in diffusers, conditioned by Animate-X++ through hooks."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.validation import load_strictly
from ...errors import MissingDependency
from ..conditions import PlusConditions, before_block, injection_blocks, with_reference
from ..config import WanConfig
from ..teacache import TeaCache
from .keys import to_diffusers, without_prefix

_TEXT_TOKENS = 512  # what diffusers' WanAttnProcessor counts on


class PadTextAttnProcessor:
    """Fills a text context up to 512 tokens, masks what it added, and lets diffusers' processor attend."""

    def __init__(self, inner: Callable[..., Tensor], image_tokens: int) -> None:
        self.inner, self.image_tokens = inner, image_tokens

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *others: Any,
        **named: Any,
    ) -> Tensor:
        """Attend from tokens (b, n, dim) to image and text (b, image_tokens + text tokens, dim)."""
        missing = _TEXT_TOKENS + self.image_tokens - encoder_hidden_states.shape[1]
        if missing:
            filled = F.pad(encoder_hidden_states, (0, 0, 0, missing))
            mask = filled.new_zeros(1, 1, 1, _TEXT_TOKENS)
            mask[..., _TEXT_TOKENS - missing :] = -float("inf")
            encoder_hidden_states, attention_mask = filled, mask
        return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, *others, **named)


@contextmanager
def cached(transformer: Any, cache: TeaCache | None) -> Generator[None]:
    """Let a cache decide whether the blocks run, as long as the context lasts; None lets them."""
    if cache is None:
        yield
        return
    blocks = transformer.blocks
    transformer.blocks = nn.ModuleList([_CachedBlocks(blocks, cache)])
    try:
        yield
    finally:
        transformer.blocks = blocks


class _CachedBlocks(nn.Module):
    def __init__(self, blocks: nn.ModuleList, cache: TeaCache) -> None:
        super().__init__()
        self.blocks, self.cache = blocks, cache

    def forward(self, tokens: Tensor, context: Tensor, modulation: Tensor, *others: Any) -> Tensor:
        # The release counts the pose tokens in before it takes the difference. They are the same at every
        # step, so that adding them inside, with the blocks' hooks, comes to the same sum.
        if self.cache.skips(modulation):
            assert self.cache.residual is not None
            return tokens + self.cache.residual
        before = tokens
        for block in self.blocks:
            tokens = block(tokens, context, modulation, *others)
        self.cache.residual = tokens - before
        return tokens


_ROTARY_POSITIONS = 1024


@dataclass(frozen=True, eq=False)
class WanInputs:
    """What the transformer is told of one branch beside the noisy latents, all for b clips.

    text_context: (b, up to 512, text_dim), the text encoder's states, zero past the prompt.
    clip_features: (b, 257, image_dim), penultimate states of Wan's CLIP tower on the reference picture.
    y: (b, 20, frames, h, w), mask and latents of the reference picture.
    plus: the conditions of Animate-X++; None runs the plain transformer.
    conditional: whether this is the conditional branch, which alone is told the pose.
    """

    text_context: Tensor
    clip_features: Tensor
    y: Tensor
    plus: PlusConditions | None = None
    conditional: bool = True

    def unconditional(self, text_context: Tensor) -> "WanInputs":
        """Return the inputs of the other branch: the negative prompt, and no pose tokens."""
        return replace(self, text_context=text_context, conditional=False)


def build_wan(config: WanConfig, device: torch.device | str | None = None) -> nn.Module:
    """Build diffusers' transformer of some sizes; "meta" is for `load_wan`.

    Raises MissingDependency where diffusers is absent or too old to have Wan.
    """
    try:
        from diffusers import WanTransformer3DModel
    except ImportError as error:
        raise MissingDependency(
            "Wan's transformer needs diffusers 0.33 or newer: run `pip install 'diffusers>=0.33'`."
        ) from error
    with torch.device(device or "cpu"):
        transformer = WanTransformer3DModel(
            num_attention_heads=config.heads,
            attention_head_dim=config.dim // config.heads,
            in_channels=config.in_channels,
            out_channels=config.out_channels,
            text_dim=config.text_dim,
            freq_dim=config.freq_dim,
            ffn_dim=config.ffn_dim,
            num_layers=config.blocks,
            eps=config.eps,
            image_dim=config.image_dim,
            added_kv_proj_dim=config.dim,
            rope_max_seq_len=_ROTARY_POSITIONS,
        )
    # The tables of positions are computed, not loaded.
    transformer.rope = type(transformer.rope)(config.dim // config.heads, (1, 2, 2), _ROTARY_POSITIONS)
    for block in transformer.blocks:
        block.attn2.set_processor(PadTextAttnProcessor(block.attn2.processor, config.image_tokens))
    return transformer


def load_wan(
    tensors: Mapping[str, Tensor],
    config: WanConfig,
    source: str = "the checkpoint",
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Build the transformer of official or diffusers' weights for inference; raises WrongCheckpoint.

    A checkpoint's prefix, as files for ComfyUI may have it, is taken off. Weights of `dtype` on `device` are
    taken over without a copy. The release runs it in bfloat16.
    """
    transformer = build_wan(config, "meta")
    named = to_diffusers(without_prefix(tensors))
    load_strictly(transformer, named, "the Wan transformer", source, dtype, device)
    return transformer.to(device)


def predict(
    transformer: Any, latents: Tensor, timesteps: Tensor, inputs: WanInputs, cache: TeaCache | None = None
) -> Tensor:
    """Predict the velocity (b, 16, frames, h, w) of noisy latents of that shape at timesteps (b,) in 0..1000.

    cache: of this branch and this run alone; None computes every step in full.
    Raises InvalidInput where the conditions were encoded for another size.
    """
    plus = inputs.plus
    y = inputs.y if plus is None else with_reference(inputs.y, plus)
    with conditioned(transformer, plus, [inputs.conditional]), cached(transformer, cache):
        return transformer(
            hidden_states=torch.cat([latents, y.to(latents)], dim=1),
            timestep=timesteps,
            encoder_hidden_states=inputs.text_context,
            encoder_hidden_states_image=inputs.clip_features,
            return_dict=False,
        )[0]


@contextmanager
def conditioned(
    transformer: Any, conditions: PlusConditions | None, conditional: Sequence[bool]
) -> Generator[None]:
    """Add pose and motion tokens before the blocks as long as the context lasts.

    conditional: for each pass in the batch, in order, whether it is a conditional one.
    """
    if conditions is None:
        yield
        return
    blocks = transformer.blocks
    with ExitStack() as hooks:
        for index in injection_blocks(len(blocks), conditions):
            hook = _hook(index, len(blocks), conditions, conditional)
            hooks.callback(blocks[index].register_forward_pre_hook(hook).remove)
        yield


def _hook(index: int, blocks: int, conditions: PlusConditions, conditional: Sequence[bool]) -> Any:
    def told(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        tokens, *others = arguments
        return before_block(tokens, index, blocks, conditions, conditional), *others

    return told
