"""Names of results: filled from a template, possible on every system, and distinct."""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..utils.validation import safe_join

DEFAULT_TEMPLATE = "{reference}-{driving}-{seed}"
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')  # in names of files on some system
MAX_VALUE = 80  # bytes of a value that a name keeps; file systems take 255 for all


def check_template(template: str, fields: Iterable[str]) -> None:
    """Raise InvalidInput if a template is broken or uses a field that is not among these."""
    known = set(fields)
    try:
        used = [(name, form, conversion) for _, name, form, conversion in string.Formatter().parse(template)]
    except ValueError as error:
        raise InvalidInput(
            f"--name {template!r} is no template ({error}): write {DEFAULT_TEMPLATE}."
        ) from error
    for name, form, conversion in used:
        if name is not None and (name not in known or form or conversion):
            raise InvalidInput(
                f"--name has the field {{{name}}}, which no row has: use some of {', '.join(sorted(known))}."
            )


def fill_template(template: str, values: Mapping[str, Any]) -> str:
    """Return the name of a result.

    Args:
        template: Text with fields such as {reference} in braces, valid by `check_template`. Slashes make
            folders.
        values: Field -> value. Files contribute their names without folder and suffix; characters that some
            system does not allow become underscores.

    """
    return template.format_map({name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> str:
    return safe_name(value.stem if isinstance(value, Path) else str(value))


def safe_name(text: str) -> str:
    """Return a text as a part of a name that is possible on every system."""
    name = FORBIDDEN.sub("_", text)[:MAX_VALUE]
    while len(name.encode("utf-8", "surrogatepass")) > MAX_VALUE:
        name = name[:-1]
    return name.strip(" .") or "_"


def output_path(folder: Path, name: str) -> Path:
    """Return where a result is written; raises InvalidInput if the name leads out of the folder."""
    return safe_join(folder, name, "the output folder")


def same_names(names: Mapping[int, str]) -> list[tuple[int, str]]:
    """Return the problems of names that would be the same file on some system.

    Args:
        names: Number of the row -> name. Windows and macOS do not tell upper from lower case, macOS also not
            composed from decomposed accents.

    Returns:
        Number of the row and what is wrong with its name.

    """
    first: dict[str, int] = {}
    problems = []
    for row, name in names.items():
        other = first.setdefault(unicodedata.normalize("NFC", name).casefold(), row)
        if other != row:
            problems.append(
                (
                    row,
                    f"its result would be {name}, like that of row {other}: add a field such as {{row}} to "
                    "--name.",
                )
            )
    return problems
