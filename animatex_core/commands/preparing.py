"""What `prepare` does to a clip, whichever system it is for."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from ..pipeline import Report
from ..training.data.books import Books
from ..training.data.sources import Source, SourceSettings


@dataclass(frozen=True)
class Preparing:
    """Where it is recorded, and what adds a clip; that raises InvalidInput for one that cannot be used."""

    books: Books
    add: Callable[[Source, Report], None]


def given_settings(arguments: Namespace, kind: type[SourceSettings], **elsewhere: str) -> dict[str, Any]:
    """Return those settings of a kind that were given.

    elsewhere: options that are not called as the settings.
    """
    width, height = arguments.size or (None, None)
    given = {**vars(arguments), "width": width, "height": height}
    asked = {field.name: given[elsewhere.get(field.name, field.name)] for field in fields(kind)}
    return {name: value for name, value in asked.items() if value is not None}
