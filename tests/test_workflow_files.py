"""The shipped workflows as files: what can be known of them without a ComfyUI."""

import re
from pathlib import Path

import pytest
from PIL import Image

from animatex_core.assets.demo_files import CHARACTERS
from tests.comfyui.workflow_samples import FOLDER, NAMES, read_graph, read_prompt
from workflow_tools.graphs import workflows
from workflow_tools.needed_files import FILES, NAMED

INPUTS = FOLDER / "inputs"


def test_each_is_there_in_both_forms_with_a_picture() -> None:
    assert sorted(workflow.name for workflow in workflows()) == NAMES
    assert sorted(path.stem for path in (FOLDER / "api").glob("*.json")) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.jpg")) == NAMES


@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_both_forms_have_the_same_nodes(self, name: str) -> None:
        nodes = {str(node["id"]): node["type"] for node in read_graph(name)["nodes"]}
        prompt = {number: node["class_type"] for number, node in read_prompt(name).items()}
        assert {number: kind for number, kind in nodes.items() if kind != "MarkdownNote"} == prompt

    def test_loaders_name_their_files(self, name: str) -> None:
        nodes = read_graph(name)["nodes"]
        named = {
            node["type"]: node["properties"].get("models", ()) for node in nodes if node["type"] in FILES
        }
        assert "AnimateXLoadDWPose" in named
        assert all(len(models) == len(FILES[kind]) for kind, models in named.items())
        digests = [file["hash"] for models in named.values() for file in models if "hash" in file]
        assert all(len(digest) == 64 for digest in digests)
        assert len(digests) >= 2

    def test_loaders_of_comfyui_name_theirs(self, name: str) -> None:
        nodes = [node for node in read_graph(name)["nodes"] if node["type"] in NAMED]
        assert bool(nodes) == name.startswith("plus-")
        named = [[file["name"] for file in node["properties"]["models"]] for node in nodes]
        assert named == [node["widgets_values"][:1] for node in nodes]

    def test_its_note_lists_the_files_of_its_own_loaders(self, name: str) -> None:
        nodes = read_graph(name)["nodes"]
        note = next(node["widgets_values"][0] for node in nodes if node.get("title") == "Files")
        needed = {file["name"] for node in nodes for file in node.get("properties", {}).get("models", ())}
        assert set(re.findall(r"as \*\*models/\w+/(.+)\*\*", note)) == needed

    def test_files_that_it_takes_are_shipped(self, name: str) -> None:
        taken = [
            node["inputs"].get("image") or node["inputs"].get("file") for node in read_prompt(name).values()
        ]
        taken = [file for file in taken if isinstance(file, str)]
        assert {"animate-x-dance.mp4", "animate-x-dance.bvh", "animate-x-duet.mp4"} & set(taken)
        assert [file for file in taken if not (INPUTS / file).exists()] == []

    def test_notes_and_groups_explain_it(self, name: str) -> None:
        graph = read_graph(name)
        notes = [node["widgets_values"][0] for node in graph["nodes"] if node["type"] == "MarkdownNote"]
        assert notes[0].startswith("# ")
        assert "Run" in notes[0]
        assert len(graph["groups"]) >= 4


def test_inputs_are_small() -> None:
    assert size_of(INPUTS) < 400_000
    assert size_of(FOLDER) < 2_000_000


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_character_has_a_backdrop_under_its_alpha() -> None:
    with Image.open(INPUTS / "animate-x-character.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.getpixel((0, 0))[3] == 0
        with Image.open(CHARACTERS / "rabbit.png") as opaque:
            assert picture.convert("RGB").getpixel((0, 0)) == opaque.getpixel((0, 0))
