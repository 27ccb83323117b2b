"""Makes metadata of graphs as programs may hold them that run ComfyUI without its server: argv is its folder.

Prints JSON: for each case the names that are stored, and the warnings.
"""

import json
import sys
import warnings
from types import SimpleNamespace
from typing import Any

from tests.comfyui.probes.pack import pack, start

DEEP = 100_000


def main(comfyui: str) -> dict[str, Any]:
    start(comfyui)
    circle: dict[str, Any] = {}
    circle["again"] = circle
    deep: list[Any] = []
    for _ in range(DEEP):
        deep = [deep]
    graphs: dict[str, tuple[Any, Any]] = {
        "no prompt": (None, {"workflow": {}}),
        "nothing": (None, None),
        "an object": ({"1": {"inputs": {"model": object()}}}, {"workflow": {}}),
        "a key that is no text": ({}, {5: "x", "workflow": {}}),
        "keys inside that are no texts": ({(1, 2): "x"}, {"workflow": {1: "x"}}),
        "a circle": ({}, {"workflow": circle}),
        "too deep": ({}, {"workflow": deep}),
        "a lone surrogate": ({"1": "\ud800"}, {"workflow": {}}),
    }
    return {name: _stored(*graph) for name, graph in graphs.items()}


def _stored(prompt: Any, extra: Any) -> dict[str, list[str]]:
    hidden = SimpleNamespace(prompt=prompt, extra_pnginfo=extra)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        texts = pack("nodes.comfy.workflow").workflow_metadata(hidden)
    pack("animatex_core.video.formats").check_metadata(texts)
    return {"names": sorted(texts), "warnings": [str(warning.message) for warning in caught]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
