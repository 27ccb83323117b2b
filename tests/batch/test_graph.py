"""Graphs of the API: which input a column means, and what it takes."""

import json
from pathlib import Path

import pytest

from animatex_core.batch.comfyui.graph import Graph, uploads, with_uploads
from animatex_core.errors import InvalidInput

WORKFLOWS = Path(__file__).parents[2] / "workflows"


@pytest.fixture
def graph() -> Graph:
    return Graph.read(WORKFLOWS / "api" / "few-steps.json")


def test_columns_find_their_inputs(graph: Graph) -> None:
    titles = {node["_meta"]["title"]: number for number, node in graph.nodes.items()}
    assert graph.find("reference") == [(titles["Character"], "image")]
    assert graph.find("driving") == [(titles["Dance"], "file")]
    assert graph.find("frames") == [(titles["Driving Frames"], "frames")]
    for spelled in ("Driving Frames.frames", "driving_frames.frames", f"{titles['Driving Frames']}.frames"):
        assert graph.find(spelled) == [(titles["Driving Frames"], "frames")]
    assert graph.find("seed")


def test_unknown_and_ambiguous_columns_are_refused(graph: Graph) -> None:
    with pytest.raises(InvalidInput, match="no input for the column 'wings'"):
        graph.find("wings")
    with pytest.raises(InvalidInput, match="no input for the column 'images'"):
        graph.find("images")  # it is a link
    two = Graph({number: {"class_type": "LoadImage", "inputs": {"image": "x.png"}} for number in "12"})
    with pytest.raises(InvalidInput, match=r"could be LoadImage\.image, LoadImage\.image"):
        two.find("reference")


def test_text_becomes_the_kind_of_what_it_replaces(graph: Graph) -> None:
    nodes = graph.filled(
        {"seed": "7", "frames": "24", "driving_poses.whole_frame": "no", "reference": Path("a.png")}
    )
    values = [value for node in nodes.values() for value in node["inputs"].values()]
    assert 7 in values
    assert 24 in values
    assert uploads(nodes) == [Path("a.png")]
    sent = with_uploads(nodes, {Path("a.png"): "on-server.png"})
    assert "on-server.png" in json.dumps(sent)
    assert any(node["inputs"].get("whole_frame") is False for node in nodes.values())
    for column, value in {"frames": "many", "driving_poses.whole_frame": "maybe", "start": "soon"}.items():
        with pytest.raises(InvalidInput, match=f"{column} is '{value}', but it must be"):
            graph.filled({column: value})
    assert graph.filled({}) == dict(graph.nodes)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a workflow of the editor"):
        Graph.read(WORKFLOWS / "few-steps.json")
    for text in ("[1]", "{}", '{"1": {"class_type": 3, "inputs": {}}}', "{"):
        (tmp_path / "graph.json").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match="cannot be used"):
            Graph.read(tmp_path / "graph.json")
