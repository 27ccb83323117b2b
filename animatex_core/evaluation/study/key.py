"""The key of a study, kept from raters: which system made which clip of each pair."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import InvalidInput
from ...placement import place_json
from ...plain_files import read_json
from ...pose.cache import digest_file
from .material import Material
from .pairs import Pair

FORMAT = "key of an animatex study, version 1"


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
    stated = json.dumps([FORMAT, contents, [asdict(pair) for pair in pairs]])
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
    place_json(path, {"format": FORMAT, **asdict(key)})


def read_key(path: Path) -> Key:
    """Read a key; raises InvalidInput where it is missing or damaged."""
    try:
        stored = read_json(path)
        if stored.pop("format") != FORMAT:
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
