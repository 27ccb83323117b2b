"""The results of a study: percentages with Wilson intervals, as JSON and Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...utils.optional import optional_package
from ...utils.text import markdown_table
from .votes import QUESTIONS, Answer, Ballot, Key, one_ballot_per_rater, read_ballot

CONFIDENCE = 0.95
# The value of a vote for the clip on the left; the other clip gets the remainder.
VOTE_VALUES: dict[Answer, float] = {"left": 1.0, "same": 0.5, "right": 0.0}


@dataclass(frozen=True)
class Share:
    """A share of votes, 0..1, and its confidence interval, None if there is only one rater."""

    value: float
    interval: tuple[float, float] | None


def share_of(scores: Sequence[np.ndarray]) -> Share | None:
    """Compute the mean of scores and its 95 % confidence interval, clustered by rater.

    The votes of one rater are correlated: a hundred votes of one person carry less information than one vote
    of each of a hundred people. The number of votes is therefore divided by the design effect, the variance
    of the mean with raters as clusters relative to that of independent votes (at least 1). Wilson's score
    interval for this effective number stays within 0 and 1 and does not vanish at either end. It uses
    Student's quantile with one degree of freedom less than there are raters instead of the normal one, since
    a few raters say little about how raters differ (Wilson 1927; Kish 1965; Korn and Graubard 1998).

    Args:
        scores: For every rater an array (n,) of values 0..1; n may be 0.

    Returns:
        The share; None if there are no scores.

    """
    clusters = [each for each in scores if len(each)]
    if not clusters:
        return None
    count = sum(map(len, clusters))
    mean = float(np.concatenate(clusters).mean())
    if len(clusters) == 1:
        return Share(mean, None)
    effective = count / _design_effect(clusters, mean, count)
    return Share(mean, wilson(mean, effective, _quantile(len(clusters) - 1)))


def wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Compute Wilson's score interval.

    Args:
        share: The observed share, 0..1.
        count: Number of votes, not necessarily whole.
        quantile: Quantile of the distribution for the confidence level.

    Returns:
        Lower and upper bound, 0..1.

    """
    z2 = quantile**2 / count
    middle = share + z2 / 2
    half = np.sqrt(z2 * share * (1 - share) + z2**2 / 4)
    return float(max(0.0, (middle - half) / (1 + z2))), float(min(1.0, (middle + half) / (1 + z2)))


def _design_effect(scores: Sequence[np.ndarray], mean: float, count: int) -> float:
    """Return the linearised variance of the mean over raters, relative to that of independent votes."""
    independent = mean * (1 - mean) / count
    if independent == 0:  # all votes agree, so there is no difference between raters
        return 1.0
    deviations = np.array([np.sum(each - mean) for each in scores]) / count
    raters = len(scores)
    return max(1.0, float(raters / (raters - 1) * np.sum(deviations**2)) / independent)


def _quantile(freedom: int) -> float:
    special = optional_package("scipy.special", "intervals need it", "pip install scipy")
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class Tally:
    """The votes on one system and question.

    Attributes:
        share: Share of its comparisons that the system won; None if there were none.
        comparisons: Number of answered comparisons.
        same: Number of comparisons in which no difference was seen.

    """

    share: Share | None
    comparisons: int
    same: int


@dataclass(frozen=True)
class Outcome:
    """The outcome of a study.

    Attributes:
        key: The key of the study.
        ballots: The counted votes.
        refused: Files that were not counted, with the reason.
        tallies: System -> id of a question -> votes.

    """

    key: Key
    ballots: Sequence[Ballot]
    refused: dict[Path, str]
    tallies: dict[str, dict[str, Tally]]


def count_votes(paths: Iterable[Path], key: Key) -> Outcome:
    """Count the votes in files.

    Files that are damaged, belong to another study or are a less complete file of the same rater are not
    counted, see `Outcome.refused`.

    Args:
        paths: Files of votes.
        key: The key of the study.

    Returns:
        The outcome.

    Raises:
        InvalidInput: There are no votes to count.

    """
    ballots, refused = [], {}
    for path in paths:
        try:
            ballots.append(read_ballot(path, key))
        except InvalidInput as error:
            refused[path] = str(error)
    kept, repeated = one_ballot_per_rater(ballots)
    if not sum(map(len, kept)):
        raise InvalidInput(
            " ".join([*refused.values(), "There are no votes to count: give files with votes."])
        )
    tallies = {
        system: {question.id: tally(kept, key, system, question.id) for question in QUESTIONS}
        for system in key.systems
    }
    return Outcome(key, kept, refused | repeated, tallies)


def tally(ballots: Sequence[Ballot], key: Key, system: str, question: str) -> Tally:
    """Count the votes on one system and question.

    Args:
        ballots: The ballots of all raters.
        key: Which system is on which side of each comparison.
        system: Name of the system.
        question: Id of the question.

    """
    scores = [np.array(list(_scores(ballot, key, system, question))) for ballot in ballots]
    every = np.concatenate(scores)
    return Tally(share_of(scores), len(every), int((every == VOTE_VALUES["same"]).sum()))


def _scores(ballot: Ballot, key: Key, system: str, question: str) -> Iterator[float]:
    for number, answers in ballot.answers.items():
        pair = key.pair(number)
        if question in answers and system in (pair.left, pair.right):
            worth = VOTE_VALUES[answers[question]]
            yield worth if system == pair.left else 1 - worth


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as JSON data; percentages are 0..100."""
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
    """Return a Markdown table with a row per system and a column per question, and its explanation."""
    rows = (
        [system, *(_cell(tallies[question.id]) for question in QUESTIONS)]
        for system, tallies in outcome.tallies.items()
    )
    table = markdown_table(["system", *(question.name for question in QUESTIONS)], rows)
    return f"{table}\n\n{_explanation(outcome)}\n"


def _explanation(outcome: Outcome) -> str:
    possible = len(outcome.ballots) * len(outcome.key.pairs) * len(QUESTIONS)
    return (
        f"Share of its comparisons that a system won, with {CONFIDENCE:.0%} Wilson intervals clustered by "
        "rater; votes for no difference count as half a vote for each. "
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
