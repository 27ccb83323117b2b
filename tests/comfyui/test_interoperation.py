"""Poses, masks and boxes between this pack's nodes and ComfyUI's own, and in the form of other packs."""

import json
from typing import Any

import pytest

from tests.comfyui.server import Refused, Server
from tests.comfyui.workflow_samples import node_of, put_inputs, read_prompt

pytestmark = pytest.mark.plain_mode

BOX = {"x": 0, "y": 0, "width": 256, "height": 384}


@pytest.fixture(scope="module")
def equipped(server: Server) -> Server:
    """The server, with the files that the workflows name."""
    put_inputs(server.base / "input")
    return server


def known(server: Server, kind: str) -> None:
    if kind not in server.ask("/object_info"):
        pytest.skip(f"this ComfyUI has no node {kind}")


def saved(server: Server, history: dict[str, Any], node: str) -> list[dict[str, Any]]:
    name = history["outputs"][node]["text"][0]
    return json.loads((server.base / "output" / name).read_text(encoding="utf-8"))


def test_comfyui_draws_our_poses(equipped: Server) -> None:
    known(equipped, "SDPoseDrawKeypoints")
    prompt = read_prompt("extract-poses")
    poses = [node_of(prompt, "AnimateXSmoothPoses"), 0]
    prompt[node_of(prompt, "AnimateXDrivingFrames")]["inputs"]["frames"] = 3
    options = dict.fromkeys(("draw_body", "draw_hands", "draw_face", "draw_feet", "draw_head"), True)
    drawing = {"keypoints": poses, "stick_width": 4, "face_point_size": 3, "score_threshold": 0.3, **options}
    prompt["100"] = {"class_type": "SDPoseDrawKeypoints", "inputs": drawing}
    prompt["101"] = {"class_type": "PreviewImage", "inputs": {"images": ["100", 0]}}
    assert len(equipped.run(prompt)["outputs"]["101"]["images"]) == 3


@pytest.mark.parametrize("wrapped", [False, True])
def test_poses_in_the_form_of_other_packs_come_back(equipped: Server, wrapped: bool) -> None:
    """controlnet_aux gives a dict a frame, with people, canvas_width and canvas_height."""
    person = {
        "pose_keypoints_2d": [number for i in range(18) for number in (40.0 + 5 * i, 60.0 + 7 * i, 1.0)],
        "face_keypoints_2d": [number for i in range(70) for number in (50.0 + i % 9, 40.0 + i // 9, 1.0)],
        "hand_left_keypoints_2d": None,
        "hand_right_keypoints_2d": None,
    }
    frames = [{"people": [person], "canvas_width": 200, "canvas_height": 300}] * 2
    text = json.dumps([frames] if wrapped else frames)
    (equipped.base / "input" / "other_pack.json").write_text(text, encoding="utf-8")
    loading = {"class_type": "AnimateXLoadPoses", "inputs": {"file": "other_pack.json", "person": "best"}}
    saving = {"poses": ["1", 0], "filename_prefix": "poses/back"}
    prompt = {"1": loading, "2": {"class_type": "AnimateXSavePoses", "inputs": saving}}
    back = saved(equipped, equipped.run(prompt), "2")
    assert [(frame["canvas_width"], frame["canvas_height"]) for frame in back] == [(200, 300)] * 2
    for frame in back:
        (read,) = frame["people"]
        assert read["pose_keypoints_2d"] == pytest.approx(person["pose_keypoints_2d"], abs=1e-3)


@pytest.mark.parametrize(
    ("detector", "inputs"),
    [
        ("RemoveBackground", {"bg_removal_model": ["90", 0], "image": ["91", 0]}),
        ("SAM3_Detect", {"model": ["90", 0], "image": ["91", 0]}),
    ],
)
def test_masks_of_comfyui_fit_the_retargeting(equipped: Server, detector: str, inputs: dict) -> None:
    """Their weights are not here, so only the wiring is checked: no complaint is of the mask."""
    known(equipped, detector)
    prompt = read_prompt("retarget-with-mask")
    prompt["92"] = {"class_type": detector, "inputs": inputs}
    loader = "LoadBackgroundRemovalModel" if detector == "RemoveBackground" else "UNETLoader"
    prompt["90"] = {"class_type": loader, "inputs": {"bg_removal_name": "none", "unet_name": "none"}}
    prompt["91"] = {"class_type": "LoadImage", "inputs": {"image": "animate-x-character.png"}}
    prompt[node_of(prompt, "AnimateXRetargetPoses")]["inputs"]["mask"] = ["92", 0]
    with pytest.raises(Refused) as refused:
        equipped.post(prompt)
    assert "return_type_mismatch" not in str(refused.value)
    assert "90" in refused.value.answer["node_errors"], "only the model file is missing"


def test_a_box_chooses_the_person(equipped: Server) -> None:
    known(equipped, "PrimitiveBoundingBox")
    prompt = read_prompt("extract-poses")
    prompt[node_of(prompt, "AnimateXDrivingFrames")]["inputs"]["frames"] = 2
    prompt["100"] = {"class_type": "PrimitiveBoundingBox", "inputs": BOX}
    prompt[node_of(prompt, "AnimateXExtractPoses")]["inputs"]["person_box"] = ["100", 0]
    back = saved(equipped, equipped.run(prompt), node_of(prompt, "AnimateXSavePoses"))
    assert [len(frame["people"]) for frame in back] == [1, 1]
