"""Files of votes, as the page saves them: read, checked against the key, and one for each rater."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ...errors import InvalidInput
from ...plain_files import FileFault, read_json
from .key import Key
from .questions import QUESTIONS, Answer

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
            f"{path} holds votes of the study {stored['study']!r}, but the key is that of {key.study!r}: "
            "count it with its own key."
        )
    try:
        answers = {int(number): dict(given) for number, given in stored["votes"].items()}
        _check(answers, key)
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    return Ballot(path, stored["rater"], answers)


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


def _check(answers: Mapping[int, Mapping[str, str]], key: Key) -> None:
    known = {question.id for question in QUESTIONS}
    for number, given in answers.items():
        if not 1 <= number <= len(key.pairs):
            raise ValueError(f"there is no pair {number}")
        for question, answer in given.items():
            if question not in known or answer not in get_args(Answer):
                raise ValueError(f"{question!r} is answered by {answer!r}")


def _damaged(path: Path, fault: object) -> InvalidInput:
    return InvalidInput(
        f"{path} is not a file of votes, or a damaged one ({fault}): ask the rater to save it again."
    )
