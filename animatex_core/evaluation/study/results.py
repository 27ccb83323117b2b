"""What votes amount to: percentages with Wilson's interval, as JSON and Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...utils.optional import optional_package
from ...utils.text import markdown_table
from .votes import QUESTIONS, Answer, Ballot, Key, one_each, read_ballot

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


# What the clip on the left gets of a vote; the other gets the rest.
WORTH: dict[Answer, float] = {"left": 1.0, "same": 0.5, "right": 0.0}


@dataclass(frozen=True)
class Tally:
    """One system and question. share: of its comparisons that it won, None where there were none.

    comparisons: how many were answered; same: in how many no difference was seen.
    """

    share: Share | None
    comparisons: int
    same: int


@dataclass(frozen=True)
class Outcome:
    """The outcome of a study. tallies: by system, then by the id of a question; refused: files and why."""

    key: Key
    ballots: Sequence[Ballot]
    refused: dict[Path, str]
    tallies: dict[str, dict[str, Tally]]


def count_votes(paths: Iterable[Path], key: Key) -> Outcome:
    """Count the votes in files.

    Files that are damaged, of another study, or of a rater who gave a fuller one are left out, each with one
    sentence in `refused`. Raises InvalidInput where no vote is left.
    """
    ballots, refused = [], {}
    for path in paths:
        try:
            ballots.append(read_ballot(path, key))
        except InvalidInput as error:
            refused[path] = str(error)
    kept, repeated = one_each(ballots)
    if not sum(map(len, kept)):
        raise InvalidInput(
            " ".join([*refused.values(), "No vote is left to count: give files that hold some."])
        )
    tallies = {
        system: {question.id: tally(kept, key, system, question.id) for question in QUESTIONS}
        for system in key.systems
    }
    return Outcome(key, kept, refused | repeated, tallies)


def tally(ballots: Sequence[Ballot], key: Key, system: str, question: str) -> Tally:
    """Count the votes on one system and question."""
    scores = [np.array(list(_scores(ballot, key, system, question))) for ballot in ballots]
    every = np.concatenate(scores)
    return Tally(share_of(scores), len(every), int((every == WORTH["same"]).sum()))


def _scores(ballot: Ballot, key: Key, system: str, question: str) -> Iterator[float]:
    for number, answers in ballot.answers.items():
        pair = key.pair(number)
        if question in answers and system in (pair.left, pair.right):
            worth = WORTH[answers[question]]
            yield worth if system == pair.left else 1 - worth


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain values; percentages are 0..100."""
    return {
        "study": outcome.key.study,
        "pairs": len(outcome.key.pairs),
        "raters": len(outcome.ballots),
        "votes": sum(map(len, outcome.ballots)),
        "confidence": CONFIDENCE,
        "systems": {
            system: {question: _plain(tally) for question, tally in tallies.items()}
            for system, tallies in outcome.tallies.items()
        },
        "files": [str(ballot.path) for ballot in outcome.ballots],
        "refused": {str(path): reason for path, reason in outcome.refused.items()},
    }


def as_markdown(outcome: Outcome) -> str:
    """Return a table with a row a system and a column a question, and a sentence on how to read it."""
    rows = (
        [system, *(_cell(tallies[question.id]) for question in QUESTIONS)]
        for system, tallies in outcome.tallies.items()
    )
    table = markdown_table(["system", *(question.name for question in QUESTIONS)], rows)
    return f"{table}\n\n{_reading(outcome)}\n"


def _reading(outcome: Outcome) -> str:
    possible = len(outcome.ballots) * len(outcome.key.pairs) * len(QUESTIONS)
    return (
        f"Part of its comparisons that a system won, with {CONFIDENCE:.0%} Wilson intervals clustered by "
        "rater; where no difference was seen, half a vote went to each. "
        f"Raters: {len(outcome.ballots)}; votes: {sum(map(len, outcome.ballots))} of {possible}."
    )


def _cell(tally: Tally) -> str:
    if tally.share is None:
        return "-"
    percentage = f"{100 * tally.share.value:.1f} %"
    if tally.share.interval is None:
        return percentage
    low, high = (100 * end for end in tally.share.interval)
    return f"{percentage} ({low:.1f} to {high:.1f})"


def _plain(tally: Tally) -> dict[str, Any]:
    share = tally.share
    interval = None if share is None or share.interval is None else [100 * end for end in share.interval]
    return {
        "percent": None if share is None else 100 * share.value,
        "interval": interval,
        "comparisons": tally.comparisons,
        "same": tally.same,
    }
