"""What tells ComfyUI that a loader must run again: the state of its files.

ComfyUI asks for it before any node has run, also of nodes whose inputs it never checked. It passes None for
an input that another node gives. An error here costs the cache, and could cost ComfyUI's worker thread.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...animatex_core.errors import AnimateXError

State = tuple[str, ...]
UNKNOWN = ("unknown",)
"""Stands for the files of a choice that cannot be resolved; the node says why when it runs."""


def choice_state(
    choice: Any, find: Callable[[Any], Path | None], candidates: Callable[[], Iterable[Path]]
) -> list[State]:
    """Return the state of the file that a choice means, and never raise.

    Args:
        choice: What the graph holds; None where another node gives it.
        find: Returns the file of a choice, None for one that is built in.
        candidates: Returns all files that the choice could mean, where it is not known yet.

    """
    try:
        if choice is None:
            return [_file_state(path) for path in candidates()]
        path = find(choice)
    except (AnimateXError, OSError, ValueError, TypeError):
        return [UNKNOWN]
    return [] if path is None else [_file_state(path)]


def files_state(candidates: Callable[[], Iterable[Path]]) -> list[State]:
    """Return what changes when any of several files comes, goes or is replaced, and never raise."""
    return choice_state(None, lambda _: None, candidates)


def _file_state(path: Path) -> State:
    try:
        state = path.stat()
    except (OSError, ValueError):  # it was removed since it was listed, or may not be read
        return str(path), *UNKNOWN
    return str(path), str(state.st_mtime_ns), str(state.st_size)
