"""The passes of Animate-X++ in several processes: each pass in one of them, or in a group that splits it."""

from typing import Protocol

from torch import Tensor

from ..diffusion.guidance import Guidance, with_batched_guidance, with_guidance
from ..diffusion.solvers import Denoiser
from ..diffusion.spread import spread_guidance
from ..utils.rank_groups import group_ranks
from ..utils.ranks import Ranks
from .wan.transformer import WanInputs
from .wan.ulysses import TokenSplit


class DenoiserOf(Protocol):
    """Returns the denoiser of one pass."""

    def __call__(self, inputs: WanInputs, split: TokenSplit | None = None) -> Denoiser:
        """Return a denoiser with these inputs, computed by the processes of the split, or by this one."""


def spread_passes(
    denoiser_for: DenoiserOf,
    passes: tuple[WanInputs, WanInputs],
    guidance: Guidance,
    ranks: Ranks,
    tokens: int,
    heads: int,
) -> Denoiser:
    """Guide with passes that several processes compute.

    Args:
        denoiser_for: Makes the denoiser of a pass.
        passes: Inputs of the conditional and the unconditional pass.
        guidance: Strength, over the whole sampling.
        ranks: The processes.
        tokens: Tokens of the video.
        heads: Attention heads of the transformer.

    Returns:
        A denoiser, to be called within `Ranks.together`.

    """
    count = 1 if guidance.scale == 1 else len(passes)
    size = ranks.size // count if ranks.size % count == 0 else ranks.size
    if size == 1 or heads % size:
        ranks.warn_of_idle(count)
        return spread_guidance(denoiser_for(passes[0]), denoiser_for(passes[1]), guidance, ranks)
    split = TokenSplit(group_ranks(ranks, size), tokens)
    conditional, unconditional = (denoiser_for(each, split) for each in passes)
    if size == ranks.size:
        return with_guidance(conditional, unconditional, guidance)
    return _with_a_group_each(conditional, unconditional, guidance, ranks, size)


def _with_a_group_each(
    conditional: Denoiser, unconditional: Denoiser, guidance: Guidance, ranks: Ranks, size: int
) -> Denoiser:
    """Guide with the first `size` processes computing the conditional pass, and the others the other."""
    own = conditional if ranks.rank < size else unconditional

    def both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        results = ranks.gather(own(x, t).to(x))
        return results[0], results[size]

    return with_batched_guidance(both, conditional, guidance)
