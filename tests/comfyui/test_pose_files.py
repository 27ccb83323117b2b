import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.draw import draw_poses
from animatex_core.pose.formats.reader import openpose_from_poses, read_poses, write_poses
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import Server, cached_nodes
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.plain_mode

POSES = small_dance().select(range(3))
OUTSIDE = [
    "..",
    "../escaped",
    "a/../../escaped",
    "/tmp/escaped",
    "C:\\escaped",
    "C:escaped",
    "..\\escaped",
    "\\\\host\\escaped",
    "a//escaped",
    "x\0y",
]


def loading(file: str | int, person: str | int = "best") -> Prompt:
    return {
        "loaded": node("AnimateXLoadPoses", file=file, person=person),
        "shown": node("PreviewAny", source=["loaded", 0]),
        "pictures": node("SaveImage", images=["loaded", 1], filename_prefix="tests/loaded"),
    }


def saving(prefix: str, file: str = "poses.json") -> Prompt:
    saved = node("AnimateXSavePoses", poses=["loaded", 0], filename_prefix=prefix)
    return {"loaded": loading(file)["loaded"], "saved": saved}


def name_of(history: dict[str, Any]) -> str:
    """Return what Save Poses tells: the name in the output folder."""
    (name,) = history["outputs"]["saved"]["text"]
    return name


@pytest.fixture(scope="module")
def inputs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ComfyUI's input folder with poses, and links out of it and out of the output folder."""
    outside, folder = tmp_path_factory.mktemp("outside"), server.base / "input"
    write_poses(folder / "poses.json", POSES)
    write_poses(outside / "escaped", POSES)
    for place in (folder, server.base / "output"):
        (place / "link").symlink_to(outside, target_is_directory=True)
    (folder / "link.json").symlink_to(outside / "escaped")
    return folder


def test_poses_are_read_and_drawn(server: Server, inputs: Path) -> None:
    history = server.run(loading("poses.json"))
    assert json.loads(history["outputs"]["shown"]["text"][0]) == openpose_from_poses(POSES)
    pictures = [np.asarray(Image.open(path)) for path in server.files(history)]
    np.testing.assert_array_equal(np.stack(pictures), np.stack(list(draw_poses(POSES))))


def test_a_file_that_was_written_anew_is_read_anew(server: Server, inputs: Path) -> None:
    write_poses(inputs / "changing.json", POSES)
    server.run(loading("changing.json"))
    assert "loaded" in cached_nodes(server.run(loading("changing.json")))
    write_poses(inputs / "changing.json", POSES.select([0]))
    os.utime(inputs / "changing.json", (1, 1))
    assert len(server.files(server.run(loading("changing.json")))) == 1


def test_a_file_replaced_by_one_of_the_same_time_is_read_anew(server: Server, inputs: Path) -> None:
    for frames in (3, 2):
        write_poses(inputs / "unpacked.json", POSES.select(range(frames)))
        os.utime(inputs / "unpacked.json", (1, 1))
        assert len(server.files(server.run(loading("unpacked.json")))) == frames


def test_a_name_that_another_node_gives_is_not_looked_for_yet(server: Server, inputs: Path) -> None:
    prompt = {"name": node("PrimitiveString", value="poses.json"), **loading("poses.json")}
    prompt["loaded"]["inputs"]["file"] = ["name", 0]
    complaint = server.complaint(prompt)
    assert "Return type mismatch" in complaint
    assert "None" not in complaint


def test_warnings_are_reported_if_the_node_fails_too(server: Server, inputs: Path) -> None:
    frames = openpose_from_poses(POSES)
    frames[0]["people"][0]["pose_keypoints_2d"][0] = None
    (inputs / "holes.json").write_text(json.dumps(frames))
    assert "person" in server.complaint(loading("holes.json", person="7"))
    assert "Animate-X: 1 points of " in server.log


def test_one_of_several_people_is_chosen(server: Server, inputs: Path) -> None:
    (frame,) = openpose_from_poses(POSES.select([0]))
    person = frame["people"][0]
    moved = {name: [value + 20 * (value > 1) for value in part] for name, part in person.items()}
    (inputs / "two.json").write_text(json.dumps([{**frame, "people": [moved, person]}]))
    left, right = (
        json.loads(server.run(loading("two.json", rule))["outputs"]["shown"]["text"][0]) for rule in "01"
    )
    assert left == [frame]
    assert right != left
    assert "shows more than 2 people" in server.complaint(loading("two.json", 2))


def test_poses_that_were_saved_are_offered_and_loaded(server: Server, inputs: Path) -> None:
    name = name_of(server.run(saving("danced/dance")))
    assert name == "danced/dance_00001_.json"
    again = f"{name} [output]"
    offered = server.ask("/object_info/AnimateXLoadPoses")["AnimateXLoadPoses"]["input"]["required"]["file"]
    assert {"poses.json", again} <= set(offered[1]["options"])
    shown = server.run(loading(again))["outputs"]["shown"]["text"][0]
    assert json.loads(shown) == openpose_from_poses(POSES)


def test_files_are_counted(server: Server, inputs: Path) -> None:
    for number in (1, 2):
        prompt = saving("counted/dance")
        prompt["loaded"]["inputs"]["person"] = ["best", "largest"][number - 1]  # lest ComfyUI remember
        assert name_of(server.run(prompt)) == f"counted/dance_{number:05}_.json"
    assert len(read_poses(server.base / "output" / "counted" / "dance_00002_.json")) == 3


@pytest.mark.parametrize(
    ("prefix", "form"),
    [
        ("%date:yyyy-MM-dd%", r"%Y-%m-%d_00001_\.json"),
        ("days/%date%/x", r"days/%Y-%m-%d/x_00001_\.json"),
        ("%year%%month%_%width%x%height%", r"%Y%m_96x142_00001_\.json"),
        ("%date:yyM_d%", r"%y{month}_{day}_00001_\.json"),
        ("windows\\style", r"windows/style_00001_\.json"),
        ("dots.in.name", r"dots\.in\.name_00001_\.json"),
        ("跳舞", r"跳舞_00001_\.json"),
    ],
)
def test_dates_and_sizes_are_filled_in(server: Server, inputs: Path, prefix: str, form: str) -> None:
    before = time.localtime()
    name = name_of(server.run(saving(prefix)))
    forms = {
        time.strftime(form, now).format(month=now.tm_mon, day=now.tm_mday)
        for now in (before, time.localtime())
    }
    assert any(re.fullmatch(each, name) for each in forms), (name, forms)
    assert (server.base / "output" / name).is_file()


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_is_written_outside_of_the_output_folder(server: Server, inputs: Path, name: str) -> None:
    before = sorted((inputs / "link").resolve().iterdir())
    complaint = server.complaint(saving(name))
    assert complaint.endswith("give the name of a file inside ComfyUI's output folder."), complaint
    assert sorted((inputs / "link").resolve().iterdir()) == before
    assert not (server.base / "escaped_00001_.json").exists()


@pytest.mark.parametrize("name", [*OUTSIDE, "../input/poses.json", "../poses.json [output]"])
def test_nothing_is_read_outside_of_the_folders(server: Server, inputs: Path, name: str) -> None:
    complaint = server.complaint(loading(name))
    assert re.search(r"give the name of a file inside ComfyUI's (in|out)put folder\.$", complaint), complaint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "'bad.json' is not in ComfyUI's input folder: copy it there, or choose another file."),
        ("no JSON", "are not JSON or are truncated"),
        ("[]", "There are no frames in"),
        ('{"a": 1}', "is not an OpenPose frame"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    server: Server, inputs: Path, content: str | None, words: str
) -> None:
    (inputs / "bad.json").unlink(missing_ok=True)
    if content is not None:
        (inputs / "bad.json").write_text(content)
    complaint = server.complaint(loading("bad.json"))
    assert words in complaint
    assert "\n" not in complaint


def test_a_number_is_no_file(server: Server, inputs: Path) -> None:
    assert "'5' is not in ComfyUI's input folder" in server.complaint(loading(5))
