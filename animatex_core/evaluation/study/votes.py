"""The key of a study and the files of votes, checked against it."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ...errors import InvalidInput
from ...pose.cache import digest_file
from ...utils.documents import FileFault, read_json
from ...utils.files import write_json
from ...utils.validation import shown
from .material import Material, Pair

Answer = Literal["left", "same", "right"]
"""Which clip of a pair is better. same: no difference is seen, counted as half a vote for each."""


@dataclass(frozen=True)
class Question:
    """id: in files. name: of the column, as in the paper's user study; text: as raters read it."""

    id: str
    name: str
    text: str


QUESTIONS = (
    Question("identity", "identity preservation", "Which clip keeps the looks of the character better?"),
    Question(
        "temporal", "temporal consistency", "Which clip moves more steadily, without flicker, jumps or tears?"
    ),
    Question("visual", "visual quality", "Which clip looks better as a picture: sharp, natural, unspoilt?"),
)


KEY_FORMAT = "key of an animatex study, version 1"


@dataclass(frozen=True)
class Key:
    """study: an id that page, key and votes share. pairs: in the order of the page, numbered from 1."""

    study: str
    systems: Sequence[str]
    pairs: Sequence[Pair]

    def pair(self, number: int) -> Pair:
        """Return the pair of a number, which must be one."""
        return self.pairs[number - 1]


def key_of_study(material: Material, pairs: Sequence[Pair]) -> Key:
    """Make the key. Its id changes with any clip and any pair: no other key fits the votes."""
    contents = [
        [digest_file(material.clips[system][pair.case]) for system in (pair.left, pair.right)]
        for pair in pairs
    ]
    stated = json.dumps([KEY_FORMAT, contents, [asdict(pair) for pair in pairs]])
    return Key(hashlib.sha256(stated.encode()).hexdigest()[:12], material.systems, tuple(pairs))


def key_path(page: Path) -> Path:
    """Return where the key of a page is kept: study.key.json beside study.html."""
    return page.with_suffix(".key.json")


def write_key(path: Path, key: Key) -> None:
    """Write a key; raises StorageError, and InvalidInput rather than replacing the key of another study."""
    if path.exists() and read_key(path).study != key.study:
        raise InvalidInput(
            f"{path} is the key of another study, whose votes could not be counted without it: name another "
            "page."
        )
    write_json(path, {"format": KEY_FORMAT, **asdict(key)})


def read_key(path: Path) -> Key:
    """Read a key; raises InvalidInput where it is missing or damaged."""
    try:
        stored = read_json(path)
        if stored.pop("format") != KEY_FORMAT:
            raise ValueError("another format")
        key = Key(stored["study"], stored["systems"], tuple(Pair(**pair) for pair in stored["pairs"]))
        _check(key)
        return key
    except OSError as error:
        raise InvalidInput(
            f"The key {str(path)!r} cannot be read ({error.strerror}): check its name."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"{str(path)!r} is not the key of a study, or a damaged one ({error}): give the .key.json "
            "written beside the page, or build the page again with the same clips and seed."
        ) from error


def _check(key: Key) -> None:
    """Raise ValueError unless all values of a key that was read are of the types that were written."""
    names = [each for pair in key.pairs for each in (pair.left, pair.right)]
    texts = [key.study, *key.systems, *names, *(pair.case for pair in key.pairs)]
    if not isinstance(key.systems, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("its values are of other types")
    if unknown := set(names) - set(key.systems):
        raise ValueError(f"it names the unknown system {sorted(unknown)[0]!r}")


PAIR_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
VOTES_FORMAT = "votes of an animatex study, version 1"  # the page writes it


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
    if texts.get("format") != VOTES_FORMAT or not all(
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
