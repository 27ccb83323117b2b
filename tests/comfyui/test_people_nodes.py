"""Poses of several people at every socket that takes poses, and the choice of one of them."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.formats.reader import openpose_from_poses, people_from_openpose
from animatex_core.pose.keypoints import PoseSequence, seen
from tests.comfyui.graphs import Prompt, node, put_inputs
from tests.comfyui.server import PACK, Server
from tests.comfyui.ui_messages import run_and_listen
from tests.comfyui.valid_graph import NEED_WAN, asked_for, put_clip, valid_graph
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.plain_mode

FRAMES = 3
ALL_KEPT = {"AnimateXSavePoses", "AnimateXDrawPoses", "AnimateXEditPoses", "AnimateXSmoothPoses"}
"""Nodes that hand on, draw or save everybody; the others use one person and say which."""
SELECTS = "AnimateXSelectPerson"


def people() -> tuple[PoseSequence, PoseSequence]:
    """Return two dancers side by side; the one at the left is missing in the last frame."""
    dance = small_dance().select(range(FRAMES))
    both = []
    for shift in (-0.2, 0.2):
        points = dance.points.copy()
        points[..., 0] = np.where(seen(points), points[..., 0] + shift, 0)
        points[~seen(points)] = 0
        both.append(dance.with_points(points))
    points = both[0].points.copy()
    points[2] = 0
    return both[0].with_points(points), both[1]


def given(data: Any) -> dict[str, Any]:
    return {"__value__": data}


TWO = openpose_from_poses(people())


def takers(server: Server) -> dict[str, str]:
    """Return the nodes of the valid graph that take poses by their ids, with an input that does."""
    known, found = server.ask("/object_info"), dict[str, str]()
    for node_id, each in valid_graph().items():
        info = known[each["class_type"]]
        if not info["python_module"].endswith(f".{PACK}"):
            continue
        for group in info["input"].values():
            names = [name for name, (kind, *_) in group.items() if kind == "POSE_KEYPOINT"]
            for name in names:
                if name in each["inputs"]:
                    found.setdefault(node_id, name)
    return found


@pytest.fixture(scope="module")
def equipped(server: Server) -> Server:
    put_inputs(server.base / "input")
    put_clip(server.base / "input")
    return server


def test_every_node_keeps_everybody_or_says_whom_it_uses(equipped: Server) -> None:
    graph, silent = valid_graph(), []
    nodes = {node_id: name for node_id, name in takers(equipped).items() if node_id not in NEED_WAN}
    assert {"smooth", "draw", "save", "edit", "select", "retarget", "puppet", "condition", "features"} <= set(
        nodes
    )
    for node_id, name in nodes.items():
        kind = graph[node_id]["class_type"]
        inputs = {**graph[node_id]["inputs"], name: given(TWO)}
        inputs |= {"person": "all"} if kind == "AnimateXSmoothPoses" else {}
        prompt = asked_for({**graph, node_id: node(kind, **inputs)}, node_id)
        history, said = run_and_listen(equipped, prompt)
        assert history["status"]["status_str"] == "success", (node_id, history["status"])
        if kind not in {*ALL_KEPT, SELECTS} and "2 people are in" not in said.get(node_id, ""):
            silent.append(node_id)
        if kind in ALL_KEPT - {"AnimateXDrawPoses"}:
            data = json.loads(history["outputs"]["shown"]["text"][0])
            assert [len(frame["people"]) for frame in data] == [2] * FRAMES, node_id
            assert not any(data[2]["people"][0]["pose_keypoints_2d"])
    assert silent == []


def choosing(**inputs: Any) -> Prompt:
    ordinary = {"choose_by": "number", "number": 0, "x": 0.5, "y": 0.5, "frame": 0}
    return {
        "mask": node("LoadImageMask", image="right.png", channel="red"),
        "select": node(SELECTS, poses=given(TWO), **{**ordinary, **inputs}),
        "shown": node("PreviewAny", source=["select", 0]),
        "number": node("PreviewAny", source=["select", 2]),
    }


@pytest.fixture(scope="module", autouse=True)
def mask(server: Server) -> None:
    """White in the right half."""
    shown = np.zeros((20, 20), np.uint8)
    shown[:, 10:] = 255
    Image.fromarray(shown).convert("RGB").save(server.base / "input" / "right.png")


def nose(frame: int = 0) -> tuple[float, float]:
    x, y, _ = people()[1].body[frame, 0]
    return float(x), float(y)


@pytest.mark.parametrize(
    "inputs",
    [
        {"number": 1},
        {"choose_by": "point", "x": nose()[0], "y": nose()[1]},
        {"choose_by": "mask", "mask": ["mask", 0], "frame": 1},
    ],
    ids=["number", "point", "mask"],
)
def test_one_person_is_chosen(server: Server, inputs: dict) -> None:
    history, said = run_and_listen(server, choosing(**inputs))
    assert history["outputs"]["number"]["text"] == ["1"]
    assert said["select"] == "Person 1 of 2, visible in 3 of 3 frames."
    (found,) = people_from_openpose(json.loads(history["outputs"]["shown"]["text"][0]))
    np.testing.assert_allclose(found.body[..., :2], people()[1].body[..., :2], atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"number": 2}, "There is no person 2: the people in these poses are 0, 1."),
        (
            {"choose_by": "point", "x": 0.0, "y": 1.0},
            "Nobody is at x 0, y 1 in frame 0: the nearest is person",
        ),
        ({"choose_by": "point", "frame": 3}, "frame is 3, but there are frames 0 to 2"),
        ({"choose_by": "mask"}, "choose_by is mask, but no mask is connected"),
    ],
)
def test_nobody_is_said_in_a_sentence(server: Server, inputs: dict, words: str) -> None:
    assert words in server.complaint(choosing(**inputs))


def test_an_edit_changes_one_person_and_keeps_the_other(server: Server) -> None:
    edits = json.dumps({"version": 1, "hide": [{"from": 0, "to": 2, "joints": ["nose"]}]})
    prompt = {
        "edit": node("AnimateXEditPoses", edits=edits, poses=given(TWO), person="1"),
        "shown": node("PreviewAny", source=["edit", 0]),
    }
    found = people_from_openpose(json.loads(server.run(prompt)["outputs"]["shown"]["text"][0]))
    assert seen(found[0].body[:2, 0]).all()
    assert not seen(found[1].body[:, 0]).any()


def test_an_edit_of_nobody_in_particular_is_announced(server: Server) -> None:
    frames = json.loads(json.dumps(TWO))
    for frame in frames:
        frame["people"] = [{**each, "person_id": [-1]} for each in frame["people"]]
    edits = json.dumps({"version": 1, "hide": [{"from": 0, "to": 2, "joints": ["nose"]}]})
    prompt = {
        "edit": node("AnimateXEditPoses", edits=edits, poses=given(frames), person="best"),
        "shown": node("PreviewAny", source=["edit", 0]),
    }
    _, texts = run_and_listen(server, prompt)
    assert "so the others are left out" in texts["edit"]


def test_edits_after_the_last_frame_are_announced(server: Server) -> None:
    keys = [{"frame": frame, "offsets": {"nose": [0.1, 0]}} for frame in (1, 8)]
    edits = json.dumps({"version": 1, "frames": 9, "keys": keys})
    prompt = {
        "edit": node("AnimateXEditPoses", edits=edits, poses=given(TWO), person="0"),
        "shown": node("PreviewAny", source=["edit", 0]),
    }
    history, texts = run_and_listen(server, prompt)
    assert "edited in a video of 9 frames. Of the edits, 1 key pose and 0 ranges lie after" in texts["edit"]
    found = people_from_openpose(json.loads(history["outputs"]["shown"]["text"][0]))
    moved = (found[0].points - people()[0].points)[1, 0, 0]
    assert moved == pytest.approx(0.1, abs=1e-5)


def test_a_person_of_the_edits_is_edited_and_others_too(server: Server) -> None:
    hidden = {"from": 0, "to": 2, "joints": ["nose"]}
    other = {"person": 0, "hide": [{**hidden, "joints": ["neck"]}]}
    edits = json.dumps({"version": 1, "person": 1, "hide": [hidden], "others": [other]})
    prompt = {
        "edit": node("AnimateXEditPoses", edits=edits, poses=given(TWO), person="0"),
        "shown": node("PreviewAny", source=["edit", 0]),
    }
    history, texts = run_and_listen(server, prompt)
    found = people_from_openpose(json.loads(history["outputs"]["shown"]["text"][0]))
    assert [seen(each.body[:2, :2]).all(axis=0).tolist() for each in found] == [[True, False], [False, True]]
    assert "edit" not in texts


def test_a_person_of_the_edits_who_is_gone_is_announced(server: Server) -> None:
    edits = json.dumps({"version": 1, "person": 5, "hide": [{"from": 0, "to": 2}]})
    prompt = {
        "edit": node("AnimateXEditPoses", edits=edits, poses=given(TWO)),
        "shown": node("PreviewAny", source=["edit", 0]),
    }
    history, texts = run_and_listen(server, prompt)
    assert "The edits of person 5 find nobody to correct" in texts["edit"]
    assert json.loads(history["outputs"]["shown"]["text"][0]) == TWO
