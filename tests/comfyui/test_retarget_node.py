import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.draw import draw_poses_over, fit_preview
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.retarget.retarget import Box, Character, Factors, RetargetSettings, plan, retarget
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import NOT_IN_LIST, Server
from tests.comfyui.ui_messages import run_and_listen
from tests.retarget.motion import CARTOON, HEIGHT, WIDTH, dance, figure

pytestmark = pytest.mark.plain_mode

SETTINGS: dict[str, Any] = {
    "mode": "retarget",
    "bound": 3.0,
    "ground": False,
    "body": 1.0,
    "legs": 1.0,
    "arms": 1.0,
    "neck": 1.0,
    "shoulders": 1.0,
    "face": 1.0,
    "drop": "",
    "add": "",
}
FRAMES = 4
# As the node reads it: seen or not.
DRIVING = poses_from_openpose(openpose_from_poses(dance().select(range(FRAMES))))
OWN = poses_from_openpose(openpose_from_poses(figure(CARTOON)))
NOBODY = PoseSequence.empty(1, WIDTH, HEIGHT)
BOX = Box(0.25, 0.2, 0.75, 0.9)


def given(poses: PoseSequence) -> dict[str, Any]:
    """Hand over poses as if another node had made them."""
    return {"__value__": openpose_from_poses(poses)}


def retargeting(picture: str = "opaque.png", mask: bool = False, **inputs: Any) -> Prompt:
    """Retarget onto a picture, with its mask where asked for, and show all that comes out."""
    sockets = {"mask": ["character", 1]} if mask else {}
    ordinary = {"poses": given(DRIVING), "reference": ["character", 0], **sockets, **SETTINGS}
    return {
        "character": node("LoadImage", image=picture),
        "moved": node("AnimateXRetargetPoses", **(ordinary | inputs)),
        "poses": node("PreviewAny", source=["moved", 0]),
        "own": node("PreviewAny", source=["moved", 1]),
        "preview": node("SaveImage", images=["moved", 2], filename_prefix="tests/preview"),
        "description": node("PreviewAny", source=["moved", 3]),
    }


def poses_in(history: dict[str, Any], name: str) -> PoseSequence:
    return poses_from_openpose(json.loads(history["outputs"][name]["text"][0]))


def description_in(history: dict[str, Any]) -> str:
    return history["outputs"]["description"]["text"][0]


@pytest.fixture(scope="module", autouse=True)
def pictures(server: Server) -> None:
    """Pictures of the same character, with and without alpha."""
    rgba = np.full((HEIGHT, WIDTH, 4), 120, np.uint8)
    left, top, right, bottom = BOX.in_pixels(WIDTH, HEIGHT).astype(int)
    rgba[..., 3] = 0
    rgba[top:bottom, left:right, 3] = 255
    Image.fromarray(rgba).save(server.base / "input" / "cut_out.png")
    Image.fromarray(rgba[..., :3]).save(server.base / "input" / "opaque.png")
    rgba[..., 3] = 255 - rgba[..., 3]  # painted over in ComfyUI's mask editor, which makes it transparent
    Image.fromarray(rgba).save(server.base / "input" / "painted.png")


@pytest.mark.parametrize(
    ("inputs", "settings"),
    [
        ({}, RetargetSettings()),
        ({"mode": "align"}, RetargetSettings(mode="align")),
        ({"mode": "none"}, RetargetSettings(mode="none")),
        ({"bound": 1.2, "ground": True}, RetargetSettings(bound=1.2, ground=True)),
        (
            {"body": 0.5, "legs": 0.6, "arms": 1.5, "neck": 1.6, "shoulders": 0.7, "face": 2.0},
            RetargetSettings(factors=Factors(0.5, 0.6, 1.5, 1.6, 0.7, 2.0)),
        ),
        (
            {"drop": "Left Arm, ears", "add": "feet"},
            RetargetSettings(drop=["left_arm", "ears"], add=["feet"]),
        ),
    ],
    ids=["plain", "align", "none", "bound and ground", "factors", "parts"],
)
def test_the_node_does_what_the_core_does(server: Server, inputs: dict, settings: RetargetSettings) -> None:
    history = server.run(retargeting(reference_pose=given(OWN), **inputs))
    character = Character(WIDTH, HEIGHT, OWN)
    expected = openpose_from_poses(retarget(DRIVING, character, settings))
    assert json.loads(history["outputs"]["poses"]["text"][0]) == expected
    assert description_in(history) == plan(DRIVING, character, settings).description
    assert json.loads(history["outputs"]["own"]["text"][0]) == openpose_from_poses(OWN)


@pytest.mark.parametrize(
    ("picture", "shows", "color"),
    [
        ("cut_out.png", {}, "black"),
        ("painted.png", {}, "white"),
        ("cut_out.png", {"mask_shows": "background"}, "black"),
        ("painted.png", {"mask_shows": "character"}, "white"),
    ],
)
def test_masks_of_load_image_are_understood(server: Server, picture: str, shows: dict, color: str) -> None:
    history, shown = run_and_listen(server, retargeting(picture, mask=True, **shows))
    chosen = plan(DRIVING, Character(WIDTH, HEIGHT, box=BOX))
    assert description_in(history) == chosen.description
    taken, done = shown["moved"].splitlines()
    assert taken.startswith(f"The character is where the mask is {color}: 35% of the image, box 0.25,0.20,")
    assert done == f"The poses were {chosen.description}."
    assert not seen(poses_in(history, "own").points).any()


def test_masks_of_any_size_are_taken(server: Server) -> None:
    prompt = retargeting(mask=True)
    prompt["solid"] = node("SolidMask", value=1.0, width=6, height=9)
    prompt["moved"]["inputs"] |= {"mask": ["solid", 0], "mask_shows": "character"}
    assert description_in(server.run(prompt)).startswith("fitted to the character's box")


@pytest.mark.parametrize("own", [None, NOBODY], ids=["no pose", "a pose of nobody"])
def test_where_nothing_is_known_the_poses_are_passed_on_and_it_says_why(
    server: Server, own: PoseSequence | None
) -> None:
    inputs: dict[str, Any] = {} if own is None else {"reference_pose": given(own)}
    history, shown = run_and_listen(server, retargeting(mask=True, **inputs))
    assert "The mask is empty and is ignored" in shown["moved"]
    assert "because nothing is known about the character: give its pose, a mask" in shown["moved"]
    assert shown["moved"].count("passed on") == 1
    np.testing.assert_array_equal(poses_in(history, "poses").points, DRIVING.points)


def test_a_pose_of_no_use_gives_way_to_the_mask_and_is_not_handed_on(server: Server) -> None:
    eye = poses_from_openpose(openpose_from_poses(figure({"left_eye": (200, 100)})))
    history = server.run(retargeting("cut_out.png", mask=True, reference_pose=given(eye)))
    assert description_in(history).startswith("fitted to the character's box")
    assert not seen(poses_in(history, "own").points).any()


def test_the_preview_shows_every_pose_over_the_picture(server: Server) -> None:
    history = server.run(retargeting(reference_pose=given(OWN)))
    frames = [np.asarray(Image.open(path)) for path in server.files(history)]
    background = fit_preview(np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
    expected = draw_poses_over(background, poses_in(history, "poses"))
    assert frames[0].shape == (512, 342, 3)
    assert len(frames) == FRAMES
    for frame, drawn in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame, drawn)


def test_previews_of_long_clips_are_smaller(server: Server) -> None:
    prompt = retargeting(poses=given(DRIVING.select([0] * 270)), reference_pose=given(OWN))
    prompt["batch"] = node("ImageFromBatch", image=["moved", 2], batch_index=269, length=1)
    prompt["preview"]["inputs"]["images"] = ["batch", 0]
    (last,) = server.files(server.run(prompt))
    width, height = Image.open(last).size
    assert (width, height) == (332, 498)
    assert width * height * 270 * 12 < 1.01 * (512 << 20)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"drop": "left wing"}, "drop contains 'left_wing', which is not a known part: use head, face, arms"),
        ({"add": "face"}, "add contains 'face', which is not a known part: use head, arms"),
        ({"mode": "stretch"}, "mode is 'stretch', but it must be one of: none, align, retarget."),
        ({"mask_shows": "sky", "mask": ["character", 1]}, "mask_shows is 'sky', but it must be one of"),
        ({"bound": 0.5}, "Value 0.5 smaller than min of 1.0"),
        ({"legs": 20.0}, "Value 20.0 bigger than max of 10.0"),
        ({"poses": {"__value__": []}}, "no frames in poses"),
        ({"reference_pose": {"__value__": [{}]}}, "frame 0 of reference_pose is not an OpenPose frame"),
    ],
)
def test_bad_inputs_are_refused_in_a_sentence(server: Server, inputs: dict, words: str) -> None:
    complaint = server.complaint(retargeting(**inputs))
    assert words in complaint or complaint.startswith(NOT_IN_LIST)
    assert "\n" not in complaint


def test_of_several_masks_the_first_that_is_not_empty_is_used(server: Server) -> None:
    prompt = retargeting("painted.png", mask=True)
    prompt["none"] = node("SolidMask", value=0.0, width=WIDTH, height=HEIGHT)
    prompt["first"] = node("MaskToImage", mask=["none", 0])
    prompt["second"] = node("MaskToImage", mask=["character", 1])
    prompt["both"] = node("ImageBatch", image1=["first", 0], image2=["second", 0])
    prompt["masks"] = node("ImageToMask", image=["both", 0], channel="red")
    prompt["moved"]["inputs"]["mask"] = ["masks", 0]
    _, shown = run_and_listen(server, prompt)
    assert "The first 1 of 2 masks are empty: the next one is used." in shown["moved"]
    assert "box 0.25,0.20,0.75,0.90" in shown["moved"]


def test_a_mask_of_the_whole_picture_is_questioned(server: Server) -> None:
    prompt = retargeting(mask=True)
    prompt["solid"] = node("SolidMask", value=1.0, width=WIDTH, height=HEIGHT)
    prompt["moved"]["inputs"] |= {"mask": ["solid", 0], "mask_shows": "character"}
    _, shown = run_and_listen(server, prompt)
    assert "The character's box is the whole image: check the mask" in shown["moved"]
