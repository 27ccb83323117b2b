"""Wan's transformer in diffusers, conditioned on Animate-X++ through hooks."""

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
from .ulysses import TokenSplit, with_split_tokens

_TEXT_TOKENS = 512  # length that diffusers' WanAttnProcessor expects


class PadTextAttnProcessor:
    """Attention processor that pads the text context to 512 tokens, masks the padding and calls another.

    Args:
        inner: diffusers' processor.
        image_tokens: Number of image tokens in front of the text.

    """

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
            padded = F.pad(encoder_hidden_states, (0, 0, 0, missing))
            mask = padded.new_zeros(1, 1, 1, _TEXT_TOKENS)
            mask[..., _TEXT_TOKENS - missing :] = -float("inf")
            encoder_hidden_states, attention_mask = padded, mask
        return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, *others, **named)


@contextmanager
def with_teacache(transformer: Any, cache: TeaCache | None) -> Generator[None]:
    """Skip the blocks where a cache says so, within this context; None runs all of them."""
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
        # The official code adds the pose tokens before it takes the difference. They are the same at every
        # step, so adding them inside, in the blocks' hooks, gives the same sum.
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
    """Inputs of one pass of the transformer beside the noisy latents, for b videos.

    Args:
        text_context: (b, up to 512, text_dim), the text encoder's hidden states, zero after the prompt.
        clip_features: (b, 257, image_dim), penultimate hidden states of Wan's image encoder for the reference
            image.
        y: (b, 20, frames, h, w), mask and latents of the reference image.
        plus: Conditions of Animate-X++; None runs the plain transformer.
        conditional: Whether this is the conditional pass, which alone gets the pose tokens.

    """

    text_context: Tensor
    clip_features: Tensor
    y: Tensor
    plus: PlusConditions | None = None
    conditional: bool = True

    def unconditional(self, text_context: Tensor) -> "WanInputs":
        """Return the inputs of the unconditional pass: the negative prompt, and no pose tokens."""
        return replace(self, text_context=text_context, conditional=False)


def build_wan(config: WanConfig, device: torch.device | str | None = None) -> nn.Module:
    """Build diffusers' transformer.

    Args:
        config: Sizes of the transformer.
        device: Where the weights are; "meta" to load them later, None for the CPU.

    Raises:
        MissingDependency: diffusers is not installed, or too old to have Wan.

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
    # The position tables are computed, not loaded.
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
    """Build the transformer of official or diffusers' weights for inference.

    Args:
        tensors: Key to weight, with or without a prefix. Weights of `dtype` on `device` are not copied.
        config: Sizes of the transformer.
        source: Where the weights come from, for error messages.
        dtype: Type of the weights; the official code uses bfloat16.
        device: Where the weights are.

    Raises:
        WrongCheckpoint: Keys or shapes do not fit.

    """
    transformer = build_wan(config, "meta")
    named = to_diffusers(without_prefix(tensors))
    load_strictly(transformer, named, "the Wan transformer", source, dtype, device)
    return transformer.to(device)


def predict(
    transformer: Any,
    latents: Tensor,
    timesteps: Tensor,
    inputs: WanInputs,
    cache: TeaCache | None = None,
    split: TokenSplit | None = None,
) -> Tensor:
    """Predict the velocity.

    Args:
        transformer: diffusers' transformer.
        latents: Noisy latents, (b, 16, frames, h, w).
        timesteps: (b,) in 0..1000.
        inputs: The other inputs of this pass.
        cache: The cache of this pass and run; None computes every step in full.
        split: The processes that compute this together; None computes it in this one.

    Returns:
        A tensor like the latents.

    Raises:
        InvalidInput: The conditions were encoded for another size.

    """
    plus = inputs.plus
    y = inputs.y if plus is None else with_reference(inputs.y, plus)
    added = plus if plus is None or split is None else split.conditions(plus)
    with (
        conditioned(transformer, added, [inputs.conditional]),
        with_teacache(transformer, cache),
        with_split_tokens(transformer, split),
    ):
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
    """Add pose and motion tokens before the blocks, within this context.

    Args:
        transformer: diffusers' transformer.
        conditions: The conditions; None adds nothing.
        conditional: For each pass in the batch, in order, whether it is a conditional one.

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
    def hook(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        tokens, *others = arguments
        return before_block(tokens, index, blocks, conditions, conditional), *others

    return hook
