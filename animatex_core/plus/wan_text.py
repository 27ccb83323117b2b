"""Text contexts of any length in diffusers' attention, which counts on 512 tokens of text."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

_TEXT_TOKENS = 512  # what diffusers' WanAttnProcessor counts on


class ShortTextProcessor:
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
