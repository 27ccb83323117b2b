"""What the loaders offer beside files."""

from collections.abc import Callable
from pathlib import Path

from ...animatex_core.errors import InvalidInput

AUTOMATIC = "automatic"
BUILT_IN = "built-in (small)"


def chosen(
    choice: str, choices: Callable[[], dict[str, Path]], find: Callable[[], Path | None]
) -> Path | None:
    """Return the file that a user chose, or that is found where the choice is automatic; None: the built-in.

    Raises InvalidInput for a file that is gone.
    """
    if choice == BUILT_IN:
        return None
    if choice == AUTOMATIC:
        return find()
    if choice not in (files := choices()):
        raise InvalidInput(f"{choice} is not in ComfyUI's models folders any more: choose another file.")
    return files[choice]
