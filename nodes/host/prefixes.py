"""Patterns in the prefix of a file's name: %date:yyyy-MM-dd% and %Node.widget%.

ComfyUI's interface replaces them for ComfyUI's own nodes only, and nobody does for graphs sent to the API.
"""

import re
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ...animatex_core.errors import AnimateXWarning
from .printable import quoted
from .values import as_text

PATTERN = re.compile(r"%([^%]+)%")
DATE_FORM = "yyyy-MM-dd"
# Both as in ComfyUI's interface.
DATE_PARTS = re.compile(r"yyyy|yy|[dMhms]{1,2}")
UNWRITABLE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
DATE_FIELDS = {"d": "tm_mday", "M": "tm_mon", "h": "tm_hour", "m": "tm_min", "s": "tm_sec"}
SEARCH_NAME = "Node name for S&R"
MAX_DEPTH = 10  # of subgraphs in subgraphs


def filled_in(prefix: str, hidden: Any) -> str:
    """Replace the patterns in a prefix; characters that no file's name may have become underscores.

    A pattern whose node or widget is not in the graph stays as it is, with a warning. Others are left to
    ComfyUI, which replaces %year%, %width% and the like.

    Args:
        prefix: What the user wrote.
        hidden: The node's hidden inputs, of which `prompt` and `extra_pnginfo` are read.

    """
    now = time.localtime()

    def replacement(found: re.Match[str]) -> str:
        pattern = found[1]
        if pattern == "date" or pattern.startswith("date:"):
            return _date(pattern[len("date:") :] or DATE_FORM, now)
        node, dot, widget = pattern.partition(".")
        if not dot or "." in widget:
            return found[0]
        value = _widget_value(node, widget, hidden)
        if value is None:
            _warn(found[0])
            return found[0]
        return UNWRITABLE.sub("_", value)

    return PATTERN.sub(replacement, prefix)


def _date(form: str, now: time.struct_time) -> str:
    # Slashes stay: they are the folders of the prefix.
    return DATE_PARTS.sub(lambda part: _date_part(part[0], now), form).replace(":", "_")


def _date_part(form: str, now: time.struct_time) -> str:
    if form.startswith("y"):
        return str(now.tm_year)[-len(form) :]
    return str(getattr(now, DATE_FIELDS[form[0]])).zfill(len(form))


def _widget_value(node: str, widget: str, hidden: Any) -> str | None:
    """Return the value of a widget as text, None where there is no such node or widget.

    A node is found by its search name, which is its class unless the user changed it, else by its title.
    """
    nodes = _mapping(hidden.prompt)
    search_names = dict(_search_names(_mapping(_mapping(hidden.extra_pnginfo).get("workflow"))))
    classes = {name: search_names.get(str(name), _mapping(nodes[name]).get("class_type")) for name in nodes}
    titles = {name: _mapping(_mapping(nodes[name]).get("_meta")).get("title") for name in nodes}
    for names in (classes, titles):
        for name in nodes:
            if names[name] == node:
                return _as_text(_mapping(_mapping(nodes[name]).get("inputs")).get(widget))
    return None


def _search_names(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the id, as in the prompt, and the search name of each node, those in subgraphs included."""
    subgraphs = _sequence(_mapping(workflow.get("definitions")).get("subgraphs"))
    definitions = {str(_mapping(each).get("id")): _mapping(each) for each in subgraphs}
    waiting = [("", workflow, 0)]
    while waiting:
        before, graph, depth = waiting.pop()
        for node in map(_mapping, _sequence(graph.get("nodes"))):
            node_id, kind = f"{before}{node.get('id')}", str(node.get("type"))
            name = _mapping(node.get("properties")).get(SEARCH_NAME)
            if isinstance(name, str):
                yield node_id, name
            if kind in definitions and depth < MAX_DEPTH:
                waiting.append((f"{node_id}:", definitions[kind], depth + 1))


def _as_text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _warn(pattern: str) -> None:
    sentence = (
        f"{quoted(pattern)} in filename_prefix names no widget with a value in the graph and stays as it is: "
        "write %NODE.WIDGET% with the title or the class of a node."
    )
    warnings.warn(AnimateXWarning(sentence), stacklevel=4)
