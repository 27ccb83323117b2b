"""The key of a study, and files of votes that are validated against it."""

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
from ...utils.validation import short_repr
from .material import Material, Pair

Answer = Literal["left", "same", "right"]
"""Which clip of a pair is better; "same" (no difference) counts as half a vote for each."""

KEY_FORMAT = "key of an animatex study, version 1"
VOTES_FORMAT = "votes of an animatex study, version 1"  # written by the page
PAIR_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True)
class Question:
    """A question to raters.

    Attributes:
        id: Name in files.
        name: Title of the column, as in the paper's user study.
        text: The question as it is shown.

    """

    id: str
    name: str
    text: str


QUESTIONS = (
    Question("identity", "identity preservation", "Which clip preserves the look of the character better?"),
    Question(
        "temporal",
        "temporal consistency",
        "Which clip moves more smoothly, without flicker, jumps or tearing?",
    ),
    Question("visual", "visual quality", "Which clip has better image quality: sharp and without artifacts?"),
)


@dataclass(frozen=True)
class Key:
    """The key of a study, which maps the sides of every pair to systems.

    Attributes:
        study: ID that the page, the key and the votes share.
        systems: Names of the systems.
        pairs: Pairs in the order of the page, numbered from 1.

    """

    study: str
    systems: Sequence[str]
    pairs: Sequence[Pair]

    def pair(self, number: int) -> Pair:
        """Return the pair with a number from 1."""
        return self.pairs[number - 1]


def make_key(material: Material, pairs: Sequence[Pair]) -> Key:
    """Create the key. Its ID is a hash of all clips and pairs, so that votes only match their own key."""
    contents = [
        [digest_file(material.clips[system][pair.case]) for system in (pair.left, pair.right)]
        for pair in pairs
    ]
    stated = json.dumps([KEY_FORMAT, contents, [asdict(pair) for pair in pairs]])
    return Key(hashlib.sha256(stated.encode()).hexdigest()[:12], material.systems, tuple(pairs))


def key_path(page: Path) -> Path:
    """Return the path of the key of a page: study.key.json for study.html."""
    return page.with_suffix(".key.json")


def write_key(path: Path, key: Key) -> None:
    """Write a key, but never replace the key of another study.

    Raises:
        InvalidInput: The file is the key of another study.
        StorageError: The file cannot be written.

    """
    if path.exists() and read_key(path).study != key.study:
        raise InvalidInput(
            f"{path} is the key of another study, whose votes cannot be counted without it: choose another "
            "name for the page."
        )
    write_json(path, {"format": KEY_FORMAT, **asdict(key)})


def read_key(path: Path) -> Key:
    """Read a key.

    Raises:
        InvalidInput: The file is missing or damaged.

    """
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
            f"{str(path)!r} is not the key of a study, or is damaged ({error}): give the .key.json next to "
            "the page, or build the page again with the same clips and seed."
        ) from error


def _check(key: Key) -> None:
    """Raise ValueError if the values of a key have unexpected types."""
    names = [each for pair in key.pairs for each in (pair.left, pair.right)]
    texts = [key.study, *key.systems, *names, *(pair.case for pair in key.pairs)]
    if not isinstance(key.systems, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("its values have unexpected types")
    if unknown := set(names) - set(key.systems):
        raise ValueError(f"it refers to the unknown system {sorted(unknown)[0]!r}")


@dataclass(frozen=True)
class Ballot:
    """The votes of one rater, possibly incomplete.

    Attributes:
        path: The file.
        rater: Random ID of the rater.
        answers: Number of a pair -> id of a question -> answer.

    """

    path: Path
    rater: str
    answers: Mapping[int, Mapping[str, Answer]]

    def __len__(self) -> int:
        return sum(map(len, self.answers.values()))


def read_ballot(path: Path, key: Key) -> Ballot:
    """Read the votes of one rater.

    Raises:
        InvalidInput: The file is damaged or belongs to another study.

    """
    stored = _read(path)
    if stored["study"] != key.study:
        raise InvalidInput(
            f"{path} holds votes of the study {short_repr(stored['study'])}, but the key belongs to "
            f"{key.study!r}: use the key of that study."
        )
    try:
        return Ballot(path, stored["rater"], _answers(stored.get("votes"), key))
    except ValueError as error:
        raise _damaged(path, error) from error


def one_ballot_per_rater(ballots: Iterable[Ballot]) -> tuple[list[Ballot], dict[Path, str]]:
    """Keep one file per rater: the most complete one, or the first of equally complete files.

    Args:
        ballots: Votes of all files.

    Returns:
        The votes to count, and the reason for each file that is not counted.

    """
    kept: dict[str, Ballot] = {}
    refused = {}
    for ballot in ballots:
        other = kept.get(ballot.rater)
        if other is None:
            kept[ballot.rater] = ballot
            continue
        kept[ballot.rater], less = (ballot, other) if len(ballot) > len(other) else (other, ballot)
        refused[less.path] = (
            f"{less.path} holds {len(less)} votes of a rater, but {kept[ballot.rater].path} holds "
            f"{len(kept[ballot.rater])} of the same rater: only the more complete file is counted."
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
        raise _damaged(path, "its header is missing")
    return stored


def _answers(votes: object, key: Key) -> dict[int, dict[str, Answer]]:
    """Return the answers by pair and question; raises ValueError for values that the page never saves."""
    if not isinstance(votes, dict):
        raise ValueError("it has no votes" if votes is None else f"its votes are {short_repr(votes)}")
    return {_pair_number(number, key): _pair_answers(number, given) for number, given in votes.items()}


def _pair_number(text: str, key: Key) -> int:
    if not PAIR_NUMBER.fullmatch(text) or not 1 <= int(text) <= len(key.pairs):
        raise ValueError(f"there is no pair {short_repr(text)}")
    return int(text)


def _pair_answers(number: str, answers: object) -> dict[str, Answer]:
    if not isinstance(answers, dict):
        raise ValueError(f"the answers to pair {number} are {short_repr(answers)}")
    known = {question.id for question in QUESTIONS}
    for question, answer in answers.items():
        if question not in known or answer not in get_args(Answer):
            raise ValueError(f"the answer to {short_repr(question)} is {short_repr(answer)}")
    return answers


def _damaged(path: Path, fault: object) -> InvalidInput:
    return InvalidInput(
        f"{path} is not a file of votes, or is damaged ({fault}): ask the rater to save it again."
    )
