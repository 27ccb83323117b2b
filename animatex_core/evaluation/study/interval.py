"""How sure a percentage of votes is: Wilson's interval, for votes that come in clusters, one a rater."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...packages import optional_package

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """A part of votes, 0..1, and its interval, None where it cannot be known because one rater voted."""

    value: float
    interval: tuple[float, float] | None


def share_of(scores: Sequence[np.ndarray]) -> Share | None:
    """Return the mean of scores and its 95 % interval; None where there are no scores.

    scores: for every rater an array (n,) of 0 to 1, n of 0 or more.

    Raters differ in what they notice and prefer, so that a hundred votes of one person tell less of people
    than one vote of each of a hundred. The votes are therefore counted at what they are worth: their number
    is divided by the design effect, by how much more the mean varies with its clusters, the raters, than it
    would if all votes were independent (at least 1). Wilson's score interval of that many votes keeps within
    0 and 1 and does not vanish at either. Student's quantile for one degree of freedom less than raters
    stands in it for the normal one, since few raters tell little of how raters differ
    (Wilson 1927; Kish 1965; Korn and Graubard 1998).
    """
    given = [each for each in scores if len(each)]
    if not given:
        return None
    count = sum(map(len, given))
    mean = float(np.concatenate(given).mean())
    if len(given) == 1:
        return Share(mean, None)
    return Share(mean, wilson(mean, count / _design_effect(given, mean, count), _quantile(len(given) - 1)))


def wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share 0..1 of `count` votes, which need not be whole."""
    unsure = quantile**2 / count
    middle = share + unsure / 2
    half = np.sqrt(unsure * share * (1 - share) + unsure**2 / 4)
    return float(max(0.0, (middle - half) / (1 + unsure))), float(min(1.0, (middle + half) / (1 + unsure)))


def _design_effect(scores: Sequence[np.ndarray], mean: float, count: int) -> float:
    """Return the variance of the mean over raters, by linearisation, over that of independent votes."""
    independent = mean * (1 - mean) / count
    if independent == 0:  # all votes agree, so that nothing tells raters apart
        return 1.0
    away = np.array([np.sum(each - mean) for each in scores]) / count
    raters = len(scores)
    return max(1.0, float(raters / (raters - 1) * np.sum(away**2)) / independent)


def _quantile(freedom: int) -> float:
    special = optional_package("scipy.special", "intervals need it", "pip install scipy")
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))
