"""What votes amount to: for every system and question the percentage of comparisons that it won."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from .interval import Share, share_of
from .key import Key
from .questions import QUESTIONS, Answer
from .votes import Ballot, one_each, read_ballot

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
