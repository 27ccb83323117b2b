"""How ComfyUI's node search finds a node, and which of its inputs it shows only on demand."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from comfy_api.latest import io

NodeType = TypeVar("NodeType", bound=type[io.ComfyNode])


def found_as(*aliases: str, advanced: tuple[str, ...] = ()) -> Callable[[NodeType], NodeType]:
    """Return a class decorator that adds search words to a node, and marks its rarely used inputs.

    Versions of ComfyUI whose schema has no place for them, such as 0.3.64, show the node as it is.

    Args:
        aliases: Words that find the node besides its title, in lower case.
        advanced: Names of inputs that ComfyUI shows only after a click on *Show advanced inputs*.

    """

    def decorate(node: NodeType) -> NodeType:
        describe: Any = node.define_schema.__func__  # type: ignore[attr-defined]

        @wraps(describe)
        def define_schema(cls: Any) -> io.Schema:
            schema = describe(cls)
            _set_where_known(schema, "search_aliases", list(aliases))
            for given in schema.inputs:
                if given.id in advanced:
                    _set_where_known(given, "advanced", True)
            return schema

        node.define_schema = classmethod(define_schema)  # type: ignore[assignment, method-assign]
        return node

    return decorate


def _set_where_known(described: Any, name: str, value: Any) -> None:
    if hasattr(described, name):
        setattr(described, name, value)
