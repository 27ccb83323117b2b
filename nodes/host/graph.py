"""The graph that made a file, as texts for its metadata: dragged onto ComfyUI, the file brings it back."""

import json
import re
from typing import Any

from comfy.cli_args import args

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def graph_of(hidden: Any) -> dict[str, str]:
    """Return "prompt" and what the interface adds ("workflow"), empty where the user told ComfyUI so."""
    if args.disable_metadata:
        return {}
    texts = dict(hidden.extra_pnginfo or {})
    if hidden.prompt is not None:
        texts["prompt"] = hidden.prompt
    return {name: _as_json(value) for name, value in texts.items()}


def _as_json(value: Any) -> str:
    """Write JSON as the interface can read it: without NaN, and the braces of texts escaped.

    For it counts braces to find where a graph ends in a webm.
    """
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return STRING.sub(_without_braces, json.dumps(finite))


def _without_braces(string: re.Match[str]) -> str:
    return string[0].replace("{", r"\u007b").replace("}", r"\u007d")
