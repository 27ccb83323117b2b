"""What saved workflows rely on: node ids, inputs and outputs. New ones may only be added at the end."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.comfyui.server import PACK, Server

pytestmark = pytest.mark.plain_mode

FROZEN: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("frozen_nodes.json").read_text(encoding="utf-8")
)
OPTIONS = "default", "min", "max", "step", "options"


def describe(node: dict[str, Any]) -> dict[str, Any]:
    """Reduce a node of /object_info to what workflows depend on; widget values are stored by position."""
    inputs = [
        {
            "name": name,
            "type": kind,
            "group": group,
            **{key: options[key] for key in OPTIONS if key in options},
        }
        for group in ("required", "optional")
        for name in node["input_order"].get(group, ())
        for kind, options in [node["input"][group][name]]
    ]
    outputs = [list(each) for each in zip(node["output_name"], node["output"], strict=True)]
    return {"inputs": inputs, "outputs": outputs, "is_output_node": node["output_node"]}


@pytest.fixture(scope="module")
def current(server: Server) -> dict[str, dict[str, Any]]:
    known = server.ask("/object_info").items()
    return {name: describe(node) for name, node in known if node["python_module"].endswith(f".{PACK}")}


def test_every_node_keeps_its_id(current: dict[str, dict[str, Any]]) -> None:
    assert FROZEN.keys() <= current.keys()


@pytest.mark.parametrize("node_id", FROZEN)
def test_outputs_keep_name_type_and_place(current: dict[str, dict[str, Any]], node_id: str) -> None:
    frozen, found = FROZEN[node_id], current[node_id]
    assert found["outputs"][: len(frozen["outputs"])] == frozen["outputs"]
    assert found["is_output_node"] == frozen["is_output_node"]


@pytest.mark.parametrize("group", ["required", "optional"])
@pytest.mark.parametrize("node_id", FROZEN)
def test_inputs_keep_name_type_default_range_and_place(
    current: dict[str, dict[str, Any]], node_id: str, group: str
) -> None:
    frozen, found = (
        [entry for entry in node[node_id]["inputs"] if entry["group"] == group] for node in (FROZEN, current)
    )
    for before, now in zip(frozen, found, strict=False):
        offered = before.get("options", [])
        kept = [option for option in now.get("options", []) if option in offered]
        same = {key: now.get(key) for key in before}  # newer versions of ComfyUI add keys
        assert {**same, "options": kept} == {**before, "options": offered}
    assert len(found) >= len(frozen)
