"""Which clips are compared with which, in what order, and which of the two is on the left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, zip_longest

import numpy as np

from ...checks import require_whole
from ...errors import InvalidInput


@dataclass(frozen=True)
class Pair:
    """Two systems, shown side by side on one case."""

    case: str
    left: str
    right: str


def draw_pairs(
    cases: Sequence[str], systems: Sequence[str], *, seed: int, most: int | None = None
) -> list[Pair]:
    """Return pairs in random order: every two systems on every case, or of these `most`, spread evenly.

    Of each two systems, either is on the left equally often (to one pair), at random: a rater who prefers a
    side favours nobody. The same arguments give the same pairs.
    Raises InvalidInput for a seed or a number of pairs that cannot be.
    """
    require_whole("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    rounds = [list(_sided(two, cases, rng)) for two in combinations(systems, 2)]
    # One case of every two systems after the other, so that a part of them holds all equally often.
    spread = [pair for pair in chain.from_iterable(zip_longest(*rounds)) if pair is not None]
    if most is not None:
        require_whole("pairs", most)
        if most > len(spread):
            raise InvalidInput(f"pairs is {most}, but there are {len(spread)} only: take fewer, or all.")
        spread = spread[:most]
    return [spread[place] for place in rng.permutation(len(spread))]


def _sided(two: tuple[str, str], cases: Sequence[str], rng: np.random.Generator) -> Iterator[Pair]:
    swap = bool(rng.integers(2))
    for place in rng.permutation(len(cases)):
        left, right = two[::-1] if swap else two
        yield Pair(cases[place], left, right)
        swap = not swap
