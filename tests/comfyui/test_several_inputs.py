"""Several characters, dances or videos in one graph: lists are done in step, and nothing is left out."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.video.info import count_frames, probe
from animatex_core.video.writer import write_clip
from tests.comfyui.graphs import FRAMES, Prompt, conditioned, node, poses, put_inputs
from tests.comfyui.server import Server
from tests.comfyui.test_lists import ENCODE, FACTORS, RETARGET
from tests.comfyui.ui_messages import run_and_listen
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.one_host  # the newest: 0.3.64 has no Create List

DANCES = {"dance.json": FRAMES, "short.json": FRAMES - 1}
VIDEOS = {"longer.mp4": 6, "shorter.mp4": 4}
WIDTHS = 40, 56, 72


@pytest.fixture(autouse=True)
def _inputs(server: Server) -> None:
    folder = server.base / "input"
    put_inputs(folder)
    write_poses(folder / "several.json", small_dance().select([5, 6]))
    for width in WIDTHS:
        Image.fromarray(np.full((64, width, 3), 90, np.uint8)).save(folder / f"wide-{width}.png")
    for name, count in VIDEOS.items():
        write_clip(folder / name, [np.full((64, 32, 3), 40 * i, np.uint8) for i in range(count)], fps=8)


def as_list(name: str, nodes: list[dict[str, Any]]) -> Prompt:
    """Give the outputs of nodes as a list, by core's Create List under this name."""
    each = {f"{name}{number}": made for number, made in enumerate(nodes)}
    inputs = {f"inputs.input{number}": [key, 0] for number, key in enumerate(each)}
    return {**each, name: node("CreateList", **inputs)}


def characters(count: int) -> Prompt:
    return as_list("characters", [node("LoadImage", image=f"wide-{width}.png") for width in WIDTHS[:count]])


def retargeted(character: Prompt, dance: Prompt) -> Prompt:
    settings = {**RETARGET, **FACTORS, "reference_pose": ["own", 0]}
    moved = node("AnimateXRetargetPoses", poses=["dances", 0], reference=["characters", 0], **settings)
    return {
        **character,
        **dance,
        "own": poses("own.json"),
        "moved": moved,
        "saved": node("AnimateXSavePoses", poses=["moved", 0], filename_prefix="several/moved"),
    }


def results(server: Server, prompt: Prompt) -> list[PoseSequence]:
    names = server.run(prompt)["outputs"]["saved"]["text"]
    return [read_poses(server.base / "output" / name) for name in names]


def single(server: Server, width: int, dance: str) -> PoseSequence:
    (moved,) = results(
        server,
        retargeted({"characters": node("LoadImage", image=f"wide-{width}.png")}, {"dances": poses(dance)}),
    )
    return moved


def dances() -> Prompt:
    return as_list("dances", [poses(file) for file in DANCES])


def test_every_dance_of_a_list_moves_the_character(server: Server) -> None:
    moved = results(server, retargeted({"characters": node("LoadImage", image="wide-40.png")}, dances()))
    assert [len(each) for each in moved] == list(DANCES.values())
    for each, file in zip(moved, DANCES, strict=True):
        np.testing.assert_array_equal(each.points, single(server, 40, file).points)


@pytest.mark.parametrize("count", [2, 3])
def test_characters_and_dances_go_in_step_and_the_last_of_a_shorter_list_is_repeated(
    server: Server, count: int
) -> None:
    moved = results(server, retargeted(characters(count), dances()))
    files = [*DANCES, list(DANCES)[-1]][:count]
    assert [each.width for each in moved] == list(WIDTHS[:count])
    for each, width, file in zip(moved, WIDTHS, files, strict=False):
        np.testing.assert_array_equal(each.points, single(server, width, file).points)


def test_every_video_of_a_list_is_read_and_written(server: Server) -> None:
    chosen = node("AnimateXDrivingFrames", video=["videos", 0], frames=0, stride=1, start=0.0, end=0.0)
    encode = {**ENCODE, "fps": ["chosen", 2], "audio": ["chosen", 1]}
    prompt = {
        **as_list("videos", [node("LoadVideo", file=name) for name in VIDEOS]),
        "chosen": chosen,
        "saved": node("AnimateXEncodeVideo", images=["chosen", 0], filename_prefix="several/video", **encode),
    }
    history, shown = run_and_listen(server, prompt)
    assert [count_frames(probe(path)) for path in server.files(history)] == list(VIDEOS.values())
    assert "saved" not in shown


def test_of_several_images_and_texts_of_a_conditioning_the_first_is_used_and_the_node_says_so(
    server: Server,
) -> None:
    prompt = conditioned(reference=["batch", 0], reference_pose=["own", 0], empty_text=["texts", 0])
    prompt |= {
        "second": node("LoadImage", image="wide-40.png"),
        "batch": node("ImageBatch", image1=["picture", 0], image2=["second", 0]),
        "own": poses("several.json"),
        "text": conditioned()["condition"],
        "texts": node("ConditioningCombine", conditioning_1=["text", 0], conditioning_2=["text", 1]),
        "shown": node("PreviewAny", source=["condition", 2]),
    }
    _, shown = run_and_listen(server, prompt)
    assert "reference has 2 images, of which only the first is used" in shown["condition"]
    assert "reference_pose has 2 poses, of which only the first is used" in shown["condition"]
    assert "empty_text has 2 texts, of which only the first is used: connect one." in shown["condition"]
