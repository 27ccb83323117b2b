from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.puppet.puppet import puppet_frames
from animatex_core.training.synthetic.triples import draw_triple
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import Server
from tests.comfyui.ui_messages import run_and_listen

pytestmark = pytest.mark.plain_mode

FRAMES = 3
TRIPLE = draw_triple(0, 4, FRAMES, 64, 96, held_out=True)
PICTURE = TRIPLE.reference.frames[0]
# As the node reads them: seen or not.
OWN = poses_from_openpose(openpose_from_poses(TRIPLE.reference.poses))
DANCE = poses_from_openpose(openpose_from_poses(TRIPLE.target.poses))


def given(poses: PoseSequence) -> dict[str, Any]:
    """Hand over poses as if another node had made them."""
    return {"__value__": openpose_from_poses(poses)}


def puppet(picture: str = "puppet.png", mask: bool = False, **inputs: Any) -> Prompt:
    """Move a picture, with its mask if wanted, and save all frames."""
    sockets = {"mask": ["character", 1]} if mask else {}
    ordinary = {"reference": ["character", 0], "reference_pose": given(OWN), "poses": given(DANCE), **sockets}
    return {
        "character": node("LoadImage", image=picture),
        "puppet": node("AnimateXPuppetPreview", **(ordinary | inputs)),
        "saved": node("SaveImage", images=["puppet", 0], filename_prefix="tests/puppet"),
    }


def frames_in(server: Server, history: dict[str, Any]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in server.files(history)])


@pytest.fixture(scope="module")
def box() -> np.ndarray:
    """A mask that is the middle of the picture."""
    mask = np.zeros(PICTURE.shape[:2], bool)
    mask[10:90, 12:52] = True
    return mask


@pytest.fixture(scope="module", autouse=True)
def pictures(server: Server, box: np.ndarray) -> None:
    """The character, opaque and cut out."""
    Image.fromarray(PICTURE).save(server.base / "input" / "puppet.png")
    cut_out = np.dstack([PICTURE, np.where(box, 255, 0).astype(np.uint8)])
    Image.fromarray(cut_out).save(server.base / "input" / "puppet_cut_out.png")


def test_the_node_does_what_the_core_does(server: Server) -> None:
    expected, _ = puppet_frames(PICTURE, OWN, DANCE)
    np.testing.assert_array_equal(frames_in(server, server.run(puppet())), expected)


@pytest.mark.parametrize("shows", [{}, {"mask_shows": "background"}])
def test_a_mask_says_where_the_character_is(server: Server, box: np.ndarray, shows: dict) -> None:
    expected, _ = puppet_frames(PICTURE, OWN, DANCE, box)
    found = frames_in(server, server.run(puppet("puppet_cut_out.png", mask=True, **shows)))
    np.testing.assert_array_equal(found, expected)


def test_an_empty_mask_is_ignored_and_the_node_says_so(server: Server) -> None:
    history, shown = run_and_listen(server, puppet(mask=True))
    assert "The mask is empty" in shown["puppet"]
    expected, _ = puppet_frames(PICTURE, OWN, DANCE)
    np.testing.assert_array_equal(frames_in(server, history), expected)


def test_a_pose_of_nobody_repeats_the_picture_and_the_node_says_why(server: Server) -> None:
    nobody = PoseSequence.empty(1, 64, 96)
    history, shown = run_and_listen(server, puppet(reference_pose=given(nobody)))
    assert "every frame shows the reference" in shown["puppet"]
    np.testing.assert_array_equal(frames_in(server, history), np.stack([PICTURE] * FRAMES))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"poses": {"__value__": []}}, "no frames in poses"),
        ({"reference_pose": {"__value__": [{}]}}, "frame 0 of reference_pose is not an OpenPose frame"),
        ({"reference": ["character", 1]}, "reference"),
    ],
)
def test_bad_inputs_are_refused_in_a_sentence(server: Server, inputs: dict, words: str) -> None:
    complaint = server.complaint(puppet(**inputs))
    assert words in complaint
    assert "\n" not in complaint
