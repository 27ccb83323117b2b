"""What the loaders offer beside files."""

from collections.abc import Callable
from pathlib import Path

from ...animatex_core.errors import InvalidInput
from .printable import one_line, quoted

AUTOMATIC = "automatic"
BUILT_IN = "built-in (small)"


def chosen(
    choice: str, choices: Callable[[], dict[str, Path]], find: Callable[[], Path | None]
) -> Path | None:
    """Return the file that a user chose, or that is found where the choice is automatic; None: the built-in.

    Raises InvalidInput for a file that is gone, and for what is no name.
    """
    if not isinstance(choice, str):
        raise InvalidInput(f"The name of a model is {quoted(choice)}, but it must be text: choose a file.")
    if choice == BUILT_IN:
        return None
    if choice == AUTOMATIC:
        return find()
    if choice not in (files := choices()):
        raise InvalidInput(
            f"{one_line(choice)} is not in ComfyUI's models folders any more: choose another file."
        )
    return files[choice]
