"""One pass of Wan's transformer in several processes (DeepSpeed-Ulysses, Jacobs et al. 2023).

Each process has a part of the video's tokens. Self-attention needs all of them, so there the processes
exchange tokens for heads: each computes a part of the heads for all tokens. Everything else treats tokens one
by one.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import MissingDependency
from ...utils.rank_groups import RankGroup
from ..conditions import PlusConditions


@dataclass(frozen=True)
class TokenSplit:
    """The tokens of a video in equal parts, one per process of a group; the last ones are padded.

    Attributes:
        group: The processes. The number of heads is a multiple of theirs.
        tokens: Number of tokens.

    """

    group: RankGroup
    tokens: int

    @property
    def length(self) -> int:
        """Tokens of one process."""
        return -(-self.tokens // self.group.size)

    def own(self, x: Tensor, dim: int = 1) -> Tensor:
        """Return this process's part of all tokens."""
        missing = self.length * self.group.size - x.shape[dim]
        padded = F.pad(x.movedim(dim, -1), (0, missing)).movedim(-1, dim)
        return padded.narrow(dim, self.group.index * self.length, self.length)

    def gather(self, x: Tensor) -> Tensor:
        """Return all tokens (b, tokens, dim) from the parts of the processes."""
        return torch.cat(self.group.gather(x), dim=1)[:, : self.tokens]

    def to_heads(self, x: Tensor) -> Tensor:
        """Exchange own tokens of all heads (b, length, heads, d) for all tokens of own heads."""
        parts = torch.stack(x.chunk(self.group.size, dim=2))
        return torch.cat(self.group.exchange(parts).unbind(), dim=1)[:, : self.tokens]

    def to_tokens(self, x: Tensor) -> Tensor:
        """Exchange all tokens of own heads (b, tokens, heads / size, d) for own tokens of all heads."""
        padded = F.pad(x, (0, 0, 0, 0, 0, self.length * self.group.size - self.tokens))
        parts = torch.stack(padded.chunk(self.group.size, dim=1))
        return torch.cat(self.group.exchange(parts).unbind(), dim=2)

    def conditions(self, whole: PlusConditions) -> PlusConditions:
        """Return the conditions of own tokens, each of which counts as a frame of its own."""
        _, height, width = whole.grid
        motion = whole.motion_tokens
        if motion is not None:
            motion = self.own(motion.repeat_interleave(height * width, dim=1))
        grid = (self.length, 1, 1)
        return replace(whole, pose_tokens=self.own(whole.pose_tokens), motion_tokens=motion, grid=grid)


class UlyssesAttnProcessor:
    """Self-attention of diffusers' Wan over the tokens of all processes.

    Args:
        split: How the tokens are split.

    """

    def __init__(self, split: TokenSplit) -> None:
        self.split = split

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Attend from own tokens (b, length, dim) to all tokens."""
        assert rotary_emb is not None
        query, key = attn.norm_q(attn.to_q(hidden_states)), attn.norm_k(attn.to_k(hidden_states))
        query, key, value = (x.unflatten(2, (attn.heads, -1)) for x in (query, key, attn.to_v(hidden_states)))
        query, key, value = (
            self.split.to_heads(x).transpose(1, 2)
            for x in (rotate(query, rotary_emb), rotate(key, rotary_emb), value)
        )
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        result = self.split.to_tokens(attended).flatten(2).type_as(query)
        for layer in attn.to_out:
            result = layer(result)
        return result


def rotate(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate pairs of channels of x (b, tokens, heads, d) by cosines and sines (1, tokens, 1, d)."""
    cos, sin = rotary[0][..., 0::2], rotary[1][..., 1::2]
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2).type_as(x)


@contextmanager
def with_split_tokens(transformer: Any, split: TokenSplit | None) -> Generator[None]:
    """Run the blocks of a transformer on own tokens, within this context; None runs them on all.

    What the blocks add to their input must be of own tokens too.
    """
    if split is None:
        yield
        return
    blocks, attentions = transformer.blocks, [m.attn1 for m in transformer.modules() if hasattr(m, "attn1")]
    before = [each.processor for each in attentions]
    transformer.blocks = nn.ModuleList([_SplitBlocks(blocks, split)])
    for each in attentions:
        each.set_processor(UlyssesAttnProcessor(split))
    try:
        yield
    finally:
        transformer.blocks = blocks
        for each, processor in zip(attentions, before, strict=True):
            each.set_processor(processor)


class _SplitBlocks(nn.Module):
    def __init__(self, blocks: nn.ModuleList, split: TokenSplit) -> None:
        super().__init__()
        self.blocks, self.split = blocks, split

    def forward(self, tokens: Tensor, context: Tensor, modulation: Tensor, rotary: Any) -> Tensor:
        if not isinstance(rotary, tuple):
            raise MissingDependency(
                "One pass of Wan in several processes needs diffusers 0.35 or newer: run "
                "`pip install -U diffusers`."
            )
        own, positions = self.split.own(tokens), tuple(self.split.own(each) for each in rotary)
        for block in self.blocks:
            own = block(own, context, modulation, positions)
        return self.split.gather(own)
