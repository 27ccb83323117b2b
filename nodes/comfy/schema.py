"""What the schemas of several nodes share: search words, file choices, and when a loader runs again."""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from comfy_api.latest import io

from ...animatex_core.errors import AnimateXError, InvalidInput
from .messages import one_line, quoted

AUTOMATIC = "automatic"
BUILT_IN = "built-in (small)"

NodeType = TypeVar("NodeType", bound=type[io.ComfyNode])
State = tuple[str, ...]
UNKNOWN = ("unknown",)
"""The state of a file that cannot be resolved; the node explains why when it runs."""


def searchable(*aliases: str, advanced: tuple[str, ...] = ()) -> Callable[[NodeType], NodeType]:
    """Return a class decorator that adds search words to a node and marks its advanced inputs.

    Versions of ComfyUI whose schema lacks these fields, such as 0.3.64, show the node unchanged.

    Args:
        aliases: Words that find the node besides its title, in lower case.
        advanced: Names of inputs that ComfyUI hides behind *Show advanced inputs*.

    """

    def decorate(node: NodeType) -> NodeType:
        describe: Any = node.define_schema.__func__  # type: ignore[attr-defined]

        @wraps(describe)
        def define_schema(cls: Any) -> io.Schema:
            schema = describe(cls)
            _set_if_known(schema, "search_aliases", list(aliases))
            for each in schema.inputs:
                if each.id in advanced:
                    _set_if_known(each, "advanced", True)
            return schema

        node.define_schema = classmethod(define_schema)  # type: ignore[assignment, method-assign]
        return node

    return decorate


def _set_if_known(target: Any, name: str, value: Any) -> None:
    if hasattr(target, name):
        setattr(target, name, value)


def resolve_choice(
    choice: str, choices: Callable[[], dict[str, Path]], find: Callable[[], Path | None]
) -> Path | None:
    """Return the file that a loader's choice means.

    Args:
        choice: A name among `choices`, `AUTOMATIC` or `BUILT_IN`.
        choices: Lists the files by name.
        find: Finds the file for `AUTOMATIC`.

    Returns:
        The file; None for the built-in model.

    Raises:
        InvalidInput: If the file no longer exists, or if the choice is not text.

    """
    if not isinstance(choice, str):
        raise InvalidInput(f"The model name is {quoted(choice)}, but it must be text: choose a file.")
    if choice == BUILT_IN:
        return None
    if choice == AUTOMATIC:
        return find()
    if choice not in (files := choices()):
        raise InvalidInput(
            f"{one_line(choice)} is no longer in ComfyUI's models folders: choose another file."
        )
    return files[choice]


def choice_fingerprint(
    choice: Any, find: Callable[[Any], Path | None], candidates: Callable[[], Iterable[Path]]
) -> list[State]:
    """Return the state of the chosen file, so that a loader runs again when it changes.

    ComfyUI calls this before any node has run, also with inputs that it never checked. An error here costs
    the cache and could end ComfyUI's worker thread, so this never raises.

    Args:
        choice: The value in the graph; None if another node provides it.
        find: Returns the file of a choice, None for a built-in one.
        candidates: Returns all files that the choice could mean while it is unknown.

    """
    try:
        if choice is None:
            return [_file_state(path) for path in candidates()]
        path = find(choice)
    except (AnimateXError, OSError, ValueError, TypeError):
        return [UNKNOWN]
    return [] if path is None else [_file_state(path)]


def files_fingerprint(candidates: Callable[[], Iterable[Path]]) -> list[State]:
    """Return what changes when any of several files appears, disappears or is replaced; never raises."""
    return choice_fingerprint(None, lambda _: None, candidates)


def _file_state(path: Path) -> State:
    try:
        state = path.stat()
    except (OSError, ValueError):  # removed since it was listed, or not readable
        return str(path), *UNKNOWN
    return str(path), str(state.st_mtime_ns), str(state.st_size)
