"""The workflow that a node runs in: metadata of saved files, and patterns in file names."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from comfy.cli_args import args

from ...animatex_core.errors import warn
from .messages import quoted
from .validation import as_text

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
NOT_JSON = (TypeError, ValueError, RecursionError)  # other types, cycles, too deep

PATTERN = re.compile(r"%([^%]+)%")
DATE_FORMAT = "yyyy-MM-dd"
# Both as in ComfyUI's frontend.
DATE_PARTS = re.compile(r"yyyy|yy|[dMhms]{1,2}")
NOT_IN_FILE_NAMES = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
DATE_FIELDS = {"d": "tm_mday", "M": "tm_mon", "h": "tm_hour", "m": "tm_min", "s": "tm_sec"}
SEARCH_NAME = "Node name for S&R"
MAX_DEPTH = 10  # of nested subgraphs


def workflow_metadata(hidden: Any) -> dict[str, str]:
    """Return the metadata by which a file dragged onto ComfyUI restores its workflow.

    Entries that are not valid JSON are left out with a warning, since the file itself matters more.

    Args:
        hidden: The node's hidden inputs `prompt` and `extra_pnginfo`.

    Returns:
        Texts for "prompt" and for what the frontend adds, such as "workflow"; empty if the user disabled
        metadata in ComfyUI.

    """
    if args.disable_metadata:
        return {}
    extra = hidden.extra_pnginfo
    if extra is not None and not isinstance(extra, Mapping):
        _warn_left_out("The workflow", f"its extra_pnginfo is {quoted(extra)} and not a dictionary")
        extra = None
    prompt = {} if hidden.prompt is None else {"prompt": hidden.prompt}
    entries = {**(extra or {}), **prompt}
    texts = {name: _as_json(value, name) for name, value in entries.items() if _is_name(name)}
    return {name: text for name, text in texts.items() if text is not None}


def fill_patterns(prefix: str, hidden: Any) -> str:
    """Fill in %date:yyyy-MM-dd% and %Node.widget% in the prefix of a file name.

    ComfyUI's frontend only does this for ComfyUI's own nodes, and not for prompts sent to the API. Characters
    that are not allowed in file names become underscores. A pattern whose node or widget does not exist is
    kept, with a warning; ComfyUI fills in %year%, %width% and similar patterns itself.

    Args:
        prefix: What the user entered.
        hidden: The node's hidden inputs `prompt` and `extra_pnginfo`.

    """
    now = time.localtime()

    def replacement(found: re.Match[str]) -> str:
        pattern = found[1]
        if pattern == "date" or pattern.startswith("date:"):
            return _date(pattern[len("date:") :] or DATE_FORMAT, now)
        node, dot, widget = pattern.partition(".")
        if not dot or "." in widget:
            return found[0]
        value = _widget_value(node, widget, hidden)
        if value is None:
            warn(
                f"{quoted(found[0])} in filename_prefix matches no widget with a value and is kept as it is: "
                "write %NODE.WIDGET% with the title or the class of a node.",
                stacklevel=3,
            )
            return found[0]
        return NOT_IN_FILE_NAMES.sub("_", value)

    return PATTERN.sub(replacement, prefix)


def _is_name(name: Any) -> bool:
    if isinstance(name, str) and name and "\0" not in name and not name.endswith("\\"):
        return True
    _warn_left_out(f"The metadata entry {quoted(name)}", "its name is not allowed in files")
    return False


def _as_json(value: Any, name: str) -> str | None:
    """Write JSON that the frontend can read: without NaN, and with braces in strings escaped.

    The frontend counts braces to find where a workflow ends in a WebM file. None for what is not JSON.
    """
    try:
        finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return STRING.sub(_escape_braces, json.dumps(finite))
    except NOT_JSON:
        _warn_left_out(f"The metadata entry {quoted(name)}", "it is not JSON")
        return None


def _escape_braces(string: re.Match[str]) -> str:
    return string[0].replace("{", r"\u007b").replace("}", r"\u007d")


def _warn_left_out(what: str, reason: str) -> None:
    warn(f"{what} is not stored in the file, because {reason}.", stacklevel=3)


def _date(form: str, now: time.struct_time) -> str:
    # Slashes are kept: they separate the folders of the prefix.
    return DATE_PARTS.sub(lambda part: _date_part(part[0], now), form).replace(":", "_")


def _date_part(form: str, now: time.struct_time) -> str:
    if form.startswith("y"):
        return str(now.tm_year)[-len(form) :]
    return str(getattr(now, DATE_FIELDS[form[0]])).zfill(len(form))


def _widget_value(node: str, widget: str, hidden: Any) -> str | None:
    """Return the value of a widget as text, None if there is no such node or widget.

    A node is found by its search name, which is its class unless the user changed it, or by its title.
    """
    nodes = _mapping(hidden.prompt)
    search_names = dict(_search_names(_mapping(_mapping(hidden.extra_pnginfo).get("workflow"))))
    classes = {name: search_names.get(str(name), _mapping(nodes[name]).get("class_type")) for name in nodes}
    titles = {name: _mapping(_mapping(nodes[name]).get("_meta")).get("title") for name in nodes}
    for names in (classes, titles):
        for name in nodes:
            if names[name] == node:
                value = _mapping(_mapping(nodes[name]).get("inputs")).get(widget)
                return str(value).lower() if isinstance(value, bool) else as_text(value)
    return None


def _search_names(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the id, as in the prompt, and the search name of each node, including those in subgraphs."""
    subgraphs = _sequence(_mapping(workflow.get("definitions")).get("subgraphs"))
    definitions = {str(_mapping(each).get("id")): _mapping(each) for each in subgraphs}
    waiting = [("", workflow, 0)]
    while waiting:
        parent, graph, depth = waiting.pop()
        for node in map(_mapping, _sequence(graph.get("nodes"))):
            node_id, kind = f"{parent}{node.get('id')}", str(node.get("type"))
            name = _mapping(node.get("properties")).get(SEARCH_NAME)
            if isinstance(name, str):
                yield node_id, name
            if kind in definitions and depth < MAX_DEPTH:
                waiting.append((f"{node_id}:", definitions[kind], depth + 1))


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
