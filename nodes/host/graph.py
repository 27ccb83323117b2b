"""The graph that made a file, as texts for its metadata: dragged onto ComfyUI, the file brings it back."""

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from comfy.cli_args import args

from ...animatex_core.errors import AnimateXWarning
from .printable import quoted

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
UNWRITABLE = (
    TypeError,
    ValueError,
    RecursionError,
)  # of json: other types, circles, too deep


def graph_of(hidden: Any) -> dict[str, str]:
    """Return the entries of a file's metadata: "prompt", and what the interface adds, such as "workflow".

    It is empty where the user disabled metadata in ComfyUI. What cannot be written is left out, with a
    warning: the file itself matters more.
    """
    if args.disable_metadata:
        return {}
    texts = {name: _as_json(value, name) for name, value in _entries(hidden).items() if _is_name(name)}
    return {name: text for name, text in texts.items() if text is not None}


def _entries(hidden: Any) -> dict[Any, Any]:
    extra = hidden.extra_pnginfo
    if extra is not None and not isinstance(extra, Mapping):
        _warn_left_out("The workflow", f"the graph's extra_pnginfo is {quoted(extra)} and no dictionary")
        extra = None
    prompt = {} if hidden.prompt is None else {"prompt": hidden.prompt}
    return {**(extra or {}), **prompt}


def _is_name(name: Any) -> bool:
    if isinstance(name, str) and name and "\0" not in name and not name.endswith("\\"):
        return True
    _warn_left_out(f"The entry {quoted(name)} of the graph's metadata", "files cannot have that name")
    return False


def _as_json(value: Any, name: str) -> str | None:
    """Write JSON as the interface can read it: without NaN, and the braces of texts escaped.

    For it counts braces to find where a graph ends in a webm. None for what is no JSON.
    """
    try:
        finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return STRING.sub(_without_braces, json.dumps(finite))
    except UNWRITABLE:
        _warn_left_out(f"The entry {quoted(name)} of the graph's metadata", "it is not JSON")
        return None


def _warn_left_out(what: str, reason: str) -> None:
    warnings.warn(AnimateXWarning(f"{what} is not stored in the file, because {reason}."), stacklevel=4)


def _without_braces(string: re.Match[str]) -> str:
    return string[0].replace("{", r"\u007b").replace("}", r"\u007d")
