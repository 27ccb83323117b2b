"""TeaCache on diffusers' Wan: for one pass, one module takes the place of all blocks."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from .teacache import TeaCache


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
