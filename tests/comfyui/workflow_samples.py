"""The shipped workflows, and how their prompts are read and changed."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.comfyui.hosts import ROOT
from workflow_tools.ui_form import NEWER

FOLDER = ROOT / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
Prompt = dict[str, dict[str, Any]]


def read_graph(name: str) -> dict[str, Any]:
    """Return what the editor loads."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def read_prompt(name: str) -> Prompt:
    """Return what the API takes."""
    return json.loads((FOLDER / "api" / f"{name}.json").read_text(encoding="utf-8"))


def node_of(prompt: Mapping[str, Mapping[str, Any]], kind: str) -> str:
    """Return the id of the only node of a kind."""
    (found,) = (number for number, node in prompt.items() if node["class_type"] == kind)
    return found


def changed(prompt: Prompt, **inputs: Mapping[str, Any]) -> Prompt:
    """Return a prompt with other inputs, given by the kinds of nodes."""
    new = copy.deepcopy(prompt)
    for kind, values in inputs.items():
        new[node_of(new, kind)]["inputs"].update(values)
    return new


def followers(prompt: Prompt, start: str) -> set[str]:
    """Return a node and all that depends on it."""
    found = {start}
    while True:
        more = {number for number, node in prompt.items() if found & set(_sources(node))} - found
        if not more:
            return found
        found |= more


def _sources(node: Mapping[str, Any]) -> list[str]:
    return [value[0] for value in node["inputs"].values() if isinstance(value, list)]


def known_to(prompt: Prompt, object_info: Mapping[str, Any]) -> Prompt:
    """Return a prompt without the inputs that the nodes of this ComfyUI do not have."""
    new = copy.deepcopy(prompt)
    for node in new.values():
        groups = object_info[node["class_type"]]["input"].values()
        names = {name for group in groups for name in group}
        # An input that grows is known by its name before the dot.
        node["inputs"] = {
            name: value for name, value in node["inputs"].items() if name.partition(".")[0] in names
        }
    return new


def lack_of_nodes(name: str, object_info: Mapping[str, Any]) -> str:
    """Return why a ComfyUI cannot load a workflow, empty unless it is older than nodes of its own in it."""
    kinds = {node["class_type"] for node in read_prompt(name).values()}
    missing = sorted(kinds - set(object_info))
    return f"this ComfyUI has no {', '.join(missing)}" if missing and set(missing) <= set(NEWER) else ""


def put_inputs(folder: Path) -> None:
    """Put the files that the workflows name into ComfyUI's input folder."""
    for file in (FOLDER / "inputs").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
