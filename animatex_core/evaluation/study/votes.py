"""Files of votes, as the page saves them: read, checked against the key, and one for each rater."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ...checks import shown
from ...errors import InvalidInput
from ...plain_files import FileFault, read_json
from .key import Key
from .questions import QUESTIONS, Answer

PAIR_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
FORMAT = "votes of an animatex study, version 1"  # the page writes it


@dataclass(frozen=True)
class Ballot:
    """What one rater answered, perhaps in part: by the number of a pair, then by the id of a question."""

    path: Path
    rater: str
    answers: Mapping[int, Mapping[str, Answer]]

    def __len__(self) -> int:
        return sum(map(len, self.answers.values()))


def read_ballot(path: Path, key: Key) -> Ballot:
    """Read the votes of one rater; raises InvalidInput for a file that is damaged or of another study."""
    stored = _read(path)
    if stored["study"] != key.study:
        raise InvalidInput(
            f"{path} holds votes of the study {shown(stored['study'])}, but the key is that of "
            f"{key.study!r}: count it with its own key."
        )
    try:
        return Ballot(path, stored["rater"], _answers(stored.get("votes"), key))
    except ValueError as error:
        raise _damaged(path, error) from error


def one_each(ballots: Iterable[Ballot]) -> tuple[list[Ballot], dict[Path, str]]:
    """Return the fullest file of every rater, and why each of the others is left out."""
    kept: dict[str, Ballot] = {}
    refused = {}
    for ballot in ballots:
        other = kept.get(ballot.rater)
        if other is None:
            kept[ballot.rater] = ballot
            continue
        kept[ballot.rater], less = (ballot, other) if len(ballot) > len(other) else (other, ballot)
        refused[less.path] = (
            f"{less.path} holds {len(less)} votes of a rater of whom {kept[ballot.rater].path} holds "
            f"{len(kept[ballot.rater])}: the fuller file counts, or the first."
        )
    return list(kept.values()), refused


def _read(path: Path) -> dict[str, Any]:
    try:
        stored = read_json(path)
    except OSError as error:
        raise InvalidInput(
            f"The votes {str(path)!r} cannot be read ({error.strerror}): check the name."
        ) from error
    except FileFault as error:
        raise _damaged(path, error) from error
    texts = stored if isinstance(stored, dict) else {}
    if texts.get("format") != FORMAT or not all(
        isinstance(texts.get(name), str) for name in ("study", "rater")
    ):
        raise _damaged(path, "it lacks what such a file begins with")
    return stored


def _answers(votes: object, key: Key) -> dict[int, dict[str, Answer]]:
    """Return the answers by pair and question; raises ValueError for what the page cannot save."""
    if not isinstance(votes, dict):
        raise ValueError("it has no votes" if votes is None else f"its votes are {shown(votes)}")
    return {_pair_number(number, key): _given(number, given) for number, given in votes.items()}


def _pair_number(text: str, key: Key) -> int:
    if not PAIR_NUMBER.fullmatch(text) or not 1 <= int(text) <= len(key.pairs):
        raise ValueError(f"there is no pair {shown(text)}")
    return int(text)


def _given(number: str, given: object) -> dict[str, Answer]:
    if not isinstance(given, dict):
        raise ValueError(f"the answers on pair {number} are {shown(given)}")
    known = {question.id for question in QUESTIONS}
    for question, answer in given.items():
        if question not in known or answer not in get_args(Answer):
            raise ValueError(f"{shown(question)} is answered by {shown(answer)}")
    return given


def _damaged(path: Path, fault: object) -> InvalidInput:
    return InvalidInput(
        f"{path} is not a file of votes, or a damaged one ({fault}): ask the rater to save it again."
    )
