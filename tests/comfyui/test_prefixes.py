"""Prefixes of files' names: patterns, names that no file can have, and links in ComfyUI's folders."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from animatex_core.pose.formats.reader import openpose_from_poses, write_poses
from tests.comfyui.graphs import Prompt, node, poses
from tests.comfyui.hosts import Host
from tests.comfyui.server import Server
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.plain_mode

POSES = small_dance().select(range(2))
DANCE = "prefixes.json"


def saving(prefix: str, **more: Any) -> Prompt:
    """Nodes with widgets to be named, and one that saves poses under a prefix."""
    saved = node("AnimateXSavePoses", poses=["loaded", 0], filename_prefix=prefix)
    drawn = {
        **node("AnimateXDrawPoses", poses=["loaded", 0], width=64, height=0),
        "_meta": {"title": "My size"},
    }
    return {"loaded": poses(DANCE), "drawn": drawn, "saved": saved, **more}


def encoding(prefix: str) -> Prompt:
    video = {"fps": 8.0, "format": "mp4", "quality": 7.0, "save_metadata": True}
    return {
        "images": node("EmptyImage", width=16, height=16, batch_size=2, color=0),
        "saved": node("AnimateXEncodeVideo", images=["images", 0], filename_prefix=prefix, **video),
    }


def history_of(server: Server, prompt: Prompt, workflow: Any = None) -> Mapping[str, Any]:
    data = {"prompt": prompt, "extra_data": {"extra_pnginfo": {"workflow": workflow}}}
    history = server.wait(server.ask("/prompt", data)["prompt_id"])
    assert history["status"]["status_str"] == "success", history["status"]["messages"]
    return history


def name_of(history: Mapping[str, Any]) -> str:
    (name,) = history["outputs"]["saved"]["text"]
    return name


@pytest.fixture(autouse=True)
def _inputs(server: Server) -> None:
    write_poses(server.base / "input" / DANCE, POSES)


@pytest.mark.parametrize(
    ("prefix", "form"),
    [
        ("%date:yyyy-MM-dd hh:mm:ss%", r"\d{4}-\d\d-\d\d \d\d_\d\d_\d\d_00001_\.json"),
        ("%date:yyyy/MM%/a", r"\d{4}/\d\d/a_00001_\.json"),
        ("%AnimateXLoadPoses.person%", r"best_00001_\.json"),
        ("x/%My size.width%x%AnimateXDrawPoses.height%", r"x/64x0_00001_\.json"),
        ("%AnimateXLoadPoses.file%", r"prefixes\.json_00001_\.json"),
        ("50%_a.b_60%", r"50%_a\.b_60%_00001_\.json"),
        ("%Nobody.width%", r"%Nobody\.width%_00001_\.json"),
        ("%My size.poses%", r"%My size\.poses%_00001_\.json"),
        ("🕺 emoji.", r"🕺 emoji\._00001_\.json"),
        ("spaces ", r"spaces _00001_\.json"),
    ],
)
def test_patterns_are_replaced(server: Server, prefix: str, form: str) -> None:
    name = name_of(history_of(server, saving(prefix)))
    assert re.fullmatch(form, name), name
    assert (server.base / "output" / name).is_file()


def test_a_pattern_of_nothing_is_named(server: Server) -> None:
    history_of(server, saving("%Nothing.width%"))
    assert "'%Nothing.width%' in filename_prefix matches no widget" in server.log


def test_a_value_cannot_lead_elsewhere(server: Server) -> None:
    prompt = saving("values/%PrimitiveString.value%", text=node("PrimitiveString", value="../../a:b|c"))
    assert name_of(history_of(server, prompt)) == "values/.._.._a_b_c_00001_.json"
    prompt = saving("values/%PrimitiveString.value%/x", text=node("PrimitiveString", value=".."))
    assert "leads elsewhere" in server.complaint(prompt)


@pytest.mark.parametrize(
    ("node_id", "workflow"),
    [
        ("7", {"nodes": [{"id": 7, "properties": {"Node name for S&R": "Mine"}}]}),
        (
            "3:7",
            {
                "nodes": [{"id": 3, "type": "inner"}],
                "definitions": {
                    "subgraphs": [
                        {"id": "inner", "nodes": [{"id": 7, "properties": {"Node name for S&R": "Mine"}}]}
                    ]
                },
            },
        ),
    ],
    ids=["graph", "subgraph"],
)
def test_nodes_have_the_names_of_the_workflow(server: Server, node_id: str, workflow: Any) -> None:
    text = node("PrimitiveString", value=node_id.replace(":", "-"))
    name = name_of(history_of(server, saving("named/%Mine.value%", **{node_id: text}), workflow))
    assert name == f"named/{node_id.replace(':', '-')}_00001_.json"


@pytest.mark.parametrize(
    "workflow", [5, [], {"nodes": 5}, {"nodes": [5, {"properties": []}], "definitions": []}]
)
def test_a_workflow_of_another_form_is_ignored(server: Server, workflow: Any) -> None:
    prompt = saving(f"odd/{len(str(workflow))}%My size.width%")
    assert name_of(history_of(server, prompt, workflow)).endswith("64_00001_.json")


@pytest.mark.parametrize("graph", [saving, encoding])
@pytest.mark.parametrize(
    ("prefix", "fault"),
    [
        ("a:b", "contains a colon (:)"),
        ("video/", "ends with a slash"),
        ("video\\", "ends with a slash"),
        ("video/.", "leads elsewhere"),
        ("/video", "is absolute"),
        (" ", "is empty"),
        ("x" * 201, "more than 200 bytes"),
        ("a/%date:yyyy%/../../b", "leads elsewhere"),
    ],
)
def test_other_prefixes_are_refused_before_the_work(
    server: Server, graph: Any, prefix: str, fault: str
) -> None:
    complaint = server.complaint(graph(prefix))
    assert "Custom validation failed" in complaint
    assert fault in complaint
    assert complaint.endswith("give the name of a file inside ComfyUI's output folder.")


def follows_links(comfyui: Host) -> bool:
    """Whether this ComfyUI follows links that lead out of its folders."""
    return "def is_within_directory" not in (comfyui.path / "folder_paths.py").read_text(encoding="utf-8")


@pytest.fixture
def linked(server: Server, tmp_path: Path) -> Path:
    """A folder elsewhere, linked as `inputs` in the input folder and as `outputs` in the output folder."""
    write_poses(tmp_path / "there.json", POSES)
    for place in ("input", "output"):
        link = server.base / place / f"{place}s"
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path, target_is_directory=True)
    return tmp_path


def offered(server: Server) -> list[str]:
    return server.ask("/object_info/AnimateXLoadPoses")["AnimateXLoadPoses"]["input"]["required"]["file"][1][
        "options"
    ]


def test_linked_folders_are_followed_as_by_comfyui(server: Server, comfyui: Host, linked: Path) -> None:
    core = {
        "images": encoding("")["images"],
        "core": node("SaveImage", images=["images", 0], filename_prefix="outputs/core"),
    }
    history = server.wait(server.post(core))
    assert (history["status"]["status_str"] == "success") is follows_links(comfyui)
    if follows_links(comfyui):
        assert name_of(history_of(server, saving("outputs/ours"))) == "outputs/ours_00001_.json"
        assert (linked / "ours_00001_.json").is_file()
    else:
        assert "follows a link" in server.complaint(saving("outputs/ours"))
        assert not list(linked.glob("ours*"))


def test_a_linked_file_is_listed_where_it_can_be_chosen(server: Server, comfyui: Host, linked: Path) -> None:
    for name in ("inputs/there.json", "outputs/there.json [output]"):
        prompt = {"loaded": poses(name), "shown": node("PreviewAny", source=["loaded", 0])}
        assert (name in offered(server)) is follows_links(comfyui)
        if follows_links(comfyui):
            shown = history_of(server, prompt)["outputs"]["shown"]["text"][0]
            assert json.loads(shown) == openpose_from_poses(POSES)
        else:
            assert "follows a link" in server.complaint(prompt)


def test_everything_that_is_listed_can_be_chosen(server: Server, linked: Path) -> None:
    folder = server.base / "input"
    names = ["a:b.json", "line\nbreak.json", "x" * 210 + ".json", "con.json", "🕺 .json", "inner/x.json"]
    (folder / "inner").mkdir(exist_ok=True)
    for name in names:
        write_poses(folder / name, POSES)
    (folder / "loop.json").unlink(missing_ok=True)
    (folder / "loop.json").symlink_to(folder / "loop.json")
    mine = [name for name in offered(server) if name in {*names, "loop.json"}]
    assert {"🕺 .json", "inner/x.json"} <= set(mine)
    for name in mine:
        server.run({"loaded": poses(name), "shown": node("PreviewAny", source=["loaded", 0])})


@pytest.mark.parametrize("name", ["../outputs/x", "outputs/../../x", "/tmp/x"])
def test_paths_that_leave_stay_refused(server: Server, linked: Path, name: str) -> None:
    assert server.complaint(saving(name)).endswith("inside ComfyUI's output folder.")
    assert server.complaint(
        {"loaded": poses(name), "shown": node("PreviewAny", source=["loaded", 0])}
    ).endswith("inside ComfyUI's input folder.")
