"""The graph in a file's metadata, whatever a client sends as such: the video is written all the same."""

import json
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.comfyui.graphs import Prompt, node
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.server import Server

pytestmark = pytest.mark.plain_mode

WORKFLOW = {"nodes": [], "version": 0.4}


def encoding(prefix: str, format: str) -> Prompt:
    settings = {"fps": 8.0, "filename_prefix": f"metadata/{prefix}", "quality": 7.0, "save_metadata": True}
    return {
        "images": node("EmptyImage", width=16, height=16, batch_size=2, color=0),
        "saved": node("AnimateXEncodeVideo", images=["images", 0], format=format, **settings),
    }


def written(server: Server, prompt: Prompt, extra: Any) -> Path:
    data = {"prompt": prompt, "extra_data": {"extra_pnginfo": extra}}
    history = server.wait(server.ask("/prompt", data)["prompt_id"])
    assert history["status"]["status_str"] == "success", history["status"]["messages"]
    return server.files(history)[0]


def metadata_of(path: Path) -> dict[Any, Any]:
    if path.suffix == ".png":
        return dict(Image.open(path).info)
    with av.open(str(path)) as video:
        return dict(video.metadata)


# What a client sends, the entries that the file keeps beside "prompt", and what is said of the others.
CLIENTS: dict[str, tuple[Any, list[str], str]] = {
    "none": (None, [], ""),
    "list": ([1, 2], [], "extra_pnginfo is of type list and not a dictionary"),
    "text": ("text", [], "extra_pnginfo is 'text' and not a dictionary"),
    "empty key": (
        {"": 1, "workflow": WORKFLOW},
        ["workflow"],
        "The metadata entry '' is not stored in the file",
    ),
    "odd keys": (
        {"a\0b": 1, "end\\": 2, "workflow": WORKFLOW},
        ["workflow"],
        "its name is not allowed in files",
    ),
    "other keys": ({"workflow": WORKFLOW, "other": [None, 1.5, "x = ; # \n"]}, ["workflow", "other"], ""),
    "no numbers": ({"workflow": None, "x": float("nan")}, ["workflow", "x"], ""),
}


@pytest.mark.parametrize("format", ["mp4", "png"])
@pytest.mark.parametrize("client", CLIENTS)
def test_what_can_be_stored_is(server: Server, format: str, client: str) -> None:
    extra, kept, sentence = CLIENTS[client]
    before, prompt = len(server.log), encoding(f"{format} {client}", format)
    stored = metadata_of(written(server, prompt, extra))
    assert json.loads(stored["prompt"]) == prompt
    assert {name for name in stored if name in {"workflow", "other", "x"}} == set(kept)
    assert sentence in server.log[before:]


def test_a_workflow_of_many_megabytes_is_stored(server: Server) -> None:
    workflow = {"nodes": ["x" * 100] * 100_000}
    stored = metadata_of(written(server, encoding("huge", "mp4"), {"workflow": workflow}))
    assert json.loads(stored["workflow"]) == workflow


def test_a_graph_of_another_form_costs_only_its_entry(comfyui: Host) -> None:
    stored = run_probe("metadata", comfyui)
    names = {case: seen["names"] for case, seen in stored.items()}
    assert names == {
        "no prompt": ["workflow"],
        "nothing": [],
        "an object": ["workflow"],
        "a key that is no text": ["prompt", "workflow"],
        "keys inside that are no texts": ["workflow"],
        "a circle": ["prompt"],
        "too deep": ["prompt"],
        "a lone surrogate": ["prompt", "workflow"],
    }
    left_out = [warning for seen in stored.values() for warning in seen["warnings"]]
    assert len(left_out) == 5
    assert all("is not stored in the file, because" in warning for warning in left_out)
