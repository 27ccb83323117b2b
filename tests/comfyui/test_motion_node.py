"""Load Motion: what the core computes, at the sockets, and one sentence for what cannot be used."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.assets.demo_files import MOTION
from animatex_core.driving_motion import open_motion
from animatex_core.motion.camera import CameraSettings
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.formats.reader import openpose_from_poses
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import Server
from tests.motion.skeletons import recording, skeleton, write

pytestmark = pytest.mark.plain_mode

FRAMES, WIDTH, HEIGHT = 3, 64, 96
STRANGE = {"left_hip": "thigh of the left"}


def motion(file: str = "dance.bvh", **inputs: Any) -> Prompt:
    """Load a motion and save its poses and frames."""
    usual = {
        "frames": FRAMES, "start": 1.0, "fps": 6.0, "camera": "three-quarter", "angle": 15.0, "follow": True,
        "up": "auto", "width": WIDTH, "height": HEIGHT, "bones": "",
    }  # fmt: skip
    return {
        "motion": node("AnimateXLoadMotion", file=file, **(usual | inputs)),
        "poses": node("AnimateXSavePoses", poses=["motion", 0], filename_prefix="tests/motion"),
        "images": node("SaveImage", images=["motion", 1], filename_prefix="tests/motion"),
        "fps": node("PreviewAny", source=["motion", 2]),
    }


@pytest.fixture(scope="module", autouse=True)
def files(server: Server) -> Path:
    """The motion of the demo, one with an unusual name of a bone, and a file that is no BVH."""
    folder = server.base / "input"
    shutil.copyfile(MOTION, folder / "dance.bvh")
    own = skeleton()
    names = tuple(STRANGE.get(name, name) for name in own.names)
    write(folder / "strange.bvh", recording(type(own)(names, own.parents, own.offsets, own.channels)))
    (folder / "scene.bvh").write_bytes(b"Kaydara FBX Binary  \x00")
    return folder


def test_poses_frames_and_rate_are_those_of_the_core(server: Server) -> None:
    camera = CameraSettings("three-quarter", 15.0, width=WIDTH, height=HEIGHT)
    clip = open_motion(MOTION, MotionSettings(camera, fps=6), frames=FRAMES, stride=1, start=1.0)
    history = server.run(motion())
    saved = json.loads((server.base / "output" / history["outputs"]["poses"]["text"][0]).read_text())
    assert saved == json.loads(json.dumps(openpose_from_poses(clip.poses)))
    pictures = [path for path in server.files(history) if path.suffix == ".png"]
    shown = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in pictures])
    np.testing.assert_array_equal(shown, np.stack(list(clip.frames())))
    assert history["outputs"]["fps"]["text"] == ["6.0"]


@pytest.mark.one_host  # which bones are known does not depend on the host
def test_bones_are_mapped_by_their_text(server: Server) -> None:
    assert "no bone that is known as left_hip" in server.complaint(motion("strange.bvh", start=0.0))
    server.run(motion("strange.bvh", start=0.0, frames=0, bones="left_hip: thigh of the left"))


@pytest.mark.one_host
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"file": "missing.bvh"}, "is not in ComfyUI's input folder"),
        ({"file": "scene.bvh"}, "is an FBX file and not BVH: export the motion as BVH"),
        ({"bones": "left_elbo: x"}, "which is unknown: write left_elbow"),
        ({"start": 60.0}, "use an earlier start"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(server: Server, inputs: dict, words: str) -> None:
    complaint = server.complaint(motion(**inputs))
    assert words in complaint
    assert "\n" not in complaint
