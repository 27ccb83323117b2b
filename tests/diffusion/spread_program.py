"""What processes of `torchrun` sample together, beside one alone: the first one prints JSON."""

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from animatex_core.animate_x.pose_strength import PoseStrength
from animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows, sample_latents
from animatex_core.animate_x.windows import AlternatingWindows
from animatex_core.animate_x_plus.sampling import PlusSampling, sample_clip
from animatex_core.animate_x_plus.shapes import WanShape
from animatex_core.animate_x_plus.wan.transformer import load_wan
from animatex_core.animate_x_plus.wan.ulysses import TokenSplit, with_split_tokens
from animatex_core.diffusion.guidance import Guidance
from animatex_core.errors import AnimateXError, Cancelled, InvalidInput
from animatex_core.utils.rank_groups import group_ranks
from animatex_core.utils.ranks import ALONE, Ranks
from animatex_core.utils.torchrun import join_torchrun
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_unet
from tests.animate_x_plus import samples as plus
from tests.animate_x_plus.reference_wan import wan_weights

LONG = replace(TINY_SHAPE, width=32, height=32, frames=9)
FEW = SamplingSettings(steps=2, seed=7)
SETTINGS = {
    "whole": FEW,
    "windows": replace(FEW, long_clip=Windows(4, 1)),
    "closed windows": replace(FEW, long_clip=Windows(4, 1, closed=True)),
    "alternating windows": replace(FEW, long_clip=AlternatingWindows(4)),
    "closed alternating windows": replace(FEW, long_clip=AlternatingWindows(4, closed=True)),
    "segments": replace(FEW, long_clip=Segments(5), solver="dpm++2m"),
    "interval": replace(FEW, guidance=Guidance(2.5, 0.4, 0.8), long_clip=Windows(4, 2)),
    "no guidance": replace(FEW, guidance=Guidance(1), long_clip=Windows(4, 2, weights="uniform")),
    "one part": replace(FEW, guidance=Guidance(1)),
    "weak poses": replace(FEW, pose=PoseStrength(0.5, 0.2, 0.8), long_clip=Windows(4, 2)),
}
PLUS_SETTINGS = {
    "plus": PlusSampling(steps=2, guidance=3.0, seed=11),
    "plus, cache": PlusSampling(steps=3, guidance=3.0, teacache=1e9),
    "plus, no guidance": PlusSampling(steps=2, guidance=1.0),
}
SPLIT_SETTINGS = {
    "no guidance": PlusSampling(steps=2, guidance=1.0, seed=11),
    "cache": PlusSampling(steps=3, guidance=1.0, teacache=1e9),
}
UNET = tiny_unet()


def sample(settings: SamplingSettings, ranks: Ranks = ALONE, on_step: Any = None) -> Tensor:
    return sample_latents(UNET, tiny_inputs(LONG), settings, on_step, ranks)


def sample_plus(settings: PlusSampling, ranks: Ranks = ALONE, wan: Any = None) -> Tensor:
    shape = WanShape(plus.WIDTH, plus.HEIGHT, plus.FRAMES)
    inputs, negative = plus.wan_inputs(plus.conditions()), plus.drawn(1, 512, 64, seed=9)
    with ranks.together():
        return sample_clip(wan or plus.wan(), inputs, negative, shape, settings, ranks=ranks)


@cache
def even_wan() -> Any:
    """Return a transformer whose heads two processes can share."""
    config = replace(plus.WAN, heads=4)
    return load_wan(wan_weights(config), config, dtype=torch.float32)


def cases() -> dict[str, Callable[..., Tensor]]:
    return {
        **{name: partial(sample, settings) for name, settings in SETTINGS.items()},
        **{name: partial(sample_plus, settings) for name, settings in PLUS_SETTINGS.items()},
    }


def apart(ranks: Ranks) -> dict[str, float]:
    """Return the difference of each case."""
    return {name: difference(run, ranks) for name, run in cases().items()}


def difference(run: Callable[..., Tensor], ranks: Ranks) -> float:
    """Return by how much the results of all processes differ from that of one alone, which the first has."""
    with ranks.together():
        results = ranks.gather(run(ranks=ranks))
    if not ranks.is_first:
        return 0.0
    alone = run(ranks=ALONE)
    return max((each - alone).abs().max().item() for each in results)


def split(ranks: Ranks) -> dict[str, Any]:
    """Return the same for videos whose tokens are split, and how many tokens a block sees."""
    found, lengths = {}, set[int]()
    handle = even_wan().blocks[0].register_forward_hook(lambda _, given, out: lengths.add(out.shape[1]))
    for name, settings in SPLIT_SETTINGS.items():
        found[name] = difference(partial(sample_plus, settings, wan=even_wan()), ranks)
    handle.remove()
    found["odd"] = difference(odd_tokens, ranks)
    return {**found, "lengths": sorted(lengths)}


def odd_tokens(ranks: Ranks) -> Tensor:
    """Run the blocks on 17 tokens, which two processes cannot share equally."""
    wan, tokens = even_wan(), plus.drawn(1, 17, 96)
    rotary = plus.drawn(1, 17, 1, 24, seed=1), plus.drawn(1, 17, 1, 24, seed=2)
    parts = TokenSplit(group_ranks(ranks, ranks.size), 17) if ranks.size > 1 else None
    with ranks.together(), with_split_tokens(wan, parts):
        for block in wan.blocks:
            tokens = block(tokens, plus.drawn(1, 600, 96, seed=3), plus.drawn(1, 6, 96, seed=4), rotary)
    return tokens


def calls(ranks: Ranks) -> int:
    """Return how often this process runs the network in a step of two windows with guidance."""
    ran: list[int] = []
    handle = UNET.register_forward_hook(lambda *_: ran.append(1))
    sample(replace(FEW, solver="dpm++2m", steps=1, long_clip=Windows(5, 1)), ranks)
    handle.remove()
    return len(ran)


def message(run: Callable[[], object]) -> str:
    """Return the type and the sentence of an error."""
    try:
        run()
    except AnimateXError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def raise_in(rank: int, ranks: Ranks, error: Exception) -> str:
    """Have one process raise an error after the first step."""

    def stop(info: Any) -> None:
        if info.index == 0 and ranks.rank == rank:
            raise error

    return message(lambda: sample(FEW, ranks, stop))


def idle(ranks: Ranks) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sample(SETTINGS["one part"], ranks)
    return [str(each.message) for each in caught]


def measure(ranks: Ranks) -> dict[str, Any]:
    shared = ranks.size > 1 and _shared(ranks)
    return {
        "apart": apart(ranks),
        "split": split(ranks),
        "calls": calls(ranks),
        "cancelled": raise_in(0, ranks, Cancelled("enough")),
        "failed": raise_in(1, ranks, InvalidInput("bad")),
        "at the last step": message(lambda: sample(FEW, ranks, _cancel_at_the_end(ranks))),
        "idle": idle(ranks),
        "shared": shared,
        "after that": difference(partial(sample, FEW), ranks),
    }


def _cancel_at_the_end(ranks: Ranks) -> Any:
    def stop(info: Any) -> None:
        if ranks.is_first and info.index + 1 == info.total:
            raise Cancelled("at the end")

    return stop


def _shared(ranks: Ranks) -> bool:
    inputs, settings = tiny_inputs(), SETTINGS["windows"]
    if ranks.is_first:
        ranks.share((inputs, settings))
        return True
    received = ranks.receive()
    assert received is not None
    return received[1] == settings and torch.equal(received[0].text_context, inputs.text_context)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with join_torchrun("cpu") as joined, torch.no_grad():
        found = measure(joined)
    with open(f"{sys.argv[1]}/{joined.rank}.json", "w", encoding="utf-8") as file:
        json.dump(found, file)
