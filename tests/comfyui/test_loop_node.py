"""Loop Motion: poses of all people, frames and sound are cut to the loop that the core finds."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.loops.loop import LoopSettings, find_loop
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.video.info import probe
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import Server
from tests.comfyui.ui_messages import run_and_listen
from tests.loops.dances import dance
from tests.video.samples import make_clip, number_of

COUNT, PERIOD = 30, 12
DANCE = dance(np.cumsum([0.02] * 8 + [1 / PERIOD] * 16 + [0.03] * 6))
NOBODY = openpose_from_poses(PoseSequence.empty(20, 64, 64))


def two_people() -> list[dict[str, Any]]:
    """The dance, and a second person whose wrist tells the number of the frame."""
    frames = openpose_from_poses(DANCE)
    for index, (frame, other) in enumerate(zip(frames, openpose_from_poses(DANCE), strict=True)):
        second = other["people"][0]
        second["pose_keypoints_2d"] = [
            value / 2 if place % 3 < 2 else value for place, value in enumerate(second["pose_keypoints_2d"])
        ]
        second["pose_keypoints_2d"][12:15] = [1.0 + index, 1.0, 1.0]
        frame["people"].append(second)
    return frames


def looped(poses: list[dict[str, Any]] | None = None, **inputs: Any) -> Prompt:
    """Cut the dance to a loop, and show every output."""
    given = two_people() if poses is None else poses
    usual = {"mode": "cut", "min_frames": 10, "max_frames": 14, "fps": 12.0, "person": "0"}
    sockets = {"poses": {"__value__": given}}
    return {
        "loop": node("AnimateXLoopMotion", **(usual | sockets | inputs)),
        "video": node("LoadVideo", file="loop.mp4"),
        "frames": node("AnimateXDrivingFrames", video=["video", 0], frames=COUNT, stride=1, start=0, end=0),
        **{f"output {index}": node("PreviewAny", source=["loop", index]) for index in (0, 3, 4, 5)},
    }


def shown(history: dict[str, Any], output: int) -> str:
    return history["outputs"][f"output {output}"]["text"][0]


@pytest.fixture(scope="module", autouse=True)
def files(server: Server) -> None:
    """A video of numbered frames."""
    make_clip(server.base / "input" / "loop.mp4", COUNT, "12")


def test_the_loop_is_that_of_the_core_with_all_people(server: Server) -> None:
    read = poses_from_openpose(two_people(), person=0)
    expected = find_loop(read, LoopSettings("cut", 10, 14))
    history = server.run(looped())
    assert len(expected) == PERIOD
    assert int(shown(history, 3)) == expected.start
    assert int(shown(history, 4)) == PERIOD
    assert float(shown(history, 5)) == pytest.approx(expected.score, abs=1e-4)
    people = [frame["people"] for frame in json.loads(shown(history, 0))]
    assert [len(each) for each in people] == [2] * PERIOD
    numbers = [round(each[1]["pose_keypoints_2d"][12]) - 1 for each in people]
    assert numbers == expected.indices


@pytest.mark.parametrize("mode", ["cut", "ping-pong"])
def test_frames_and_sound_are_cut_alike(server: Server, mode: str) -> None:
    sockets: dict[str, Any] = {"images": ["frames", 0], "audio": ["sound", 0], "mode": mode}
    saved = {
        "sound": node("EmptyAudio", duration=COUNT / 12, sample_rate=8000, channels=1),
        "saved": node("SaveImage", images=["loop", 1], filename_prefix="tests/loop"),
        "encoded": node(
            "AnimateXEncodeVideo", images=["loop", 1], audio=["loop", 2], fps=12.0,
            filename_prefix="video/loop", format="mp4", quality=7.0, save_metadata=False,
        ),
    }  # fmt: skip
    history = server.run({**looped(**sockets), **saved})
    start, count = int(shown(history, 3)), int(shown(history, 4))
    paths = server.files({"outputs": {"saved": history["outputs"]["saved"]}})
    numbers = [number_of(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    forward = list(range(start, start + (count if mode == "cut" else count // 2 + 1)))
    assert numbers == (forward if mode == "cut" else forward + forward[-2:0:-1])
    video = next(path for path in server.files(history) if path.suffix == ".mp4")
    assert probe(video).has_audio


def test_a_visible_seam_is_announced_on_the_node(server: Server) -> None:
    walking = openpose_from_poses(dance(np.arange(20) / 12, drift=np.arange(20) * 0.02))
    _, texts = run_and_listen(server, looped(walking, person="best"))
    assert "has a visible seam" in texts["loop"]


@pytest.mark.one_host
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"images": ["frames", 0], "poses": {"__value__": two_people()[:20]}}, "There are 30 images but"),
        ({"max_frames": 5}, "A loop of 10 to 5 frames is requested"),
        ({"min_frames": 50, "max_frames": 0}, "The clip has 30 frames, but a loop of 50 needs at least 50"),
        ({"poses": {"__value__": NOBODY}}, "No part of the clip"),
        ({"person": "someone"}, "someone"),
        ({"person": "all"}, "person is 'all', but it must be"),
    ],
)
def test_what_cannot_be_looped_is_one_sentence(server: Server, inputs: dict, words: str) -> None:
    complaint = server.complaint(looped(**inputs))
    assert words in complaint
    assert "\n" not in complaint
