"""Stopping the nodes of poses, and images that are drawn only where a node reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.draw import draw_poses
from animatex_core.pose.formats.reader import write_poses
from animatex_core.pose.keypoints import PoseSequence
from tests.comfyui.graphs import Prompt, node, poses
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.probes.stop import FRAMES
from tests.comfyui.server import Server, cached_nodes
from tests.comfyui.ui_messages import interrupt_during
from tests.support.dance_samples import small_dance

MANY, WIDTH, HEIGHT = 1000, 512, 768
ALL_PICTURES = 12 * MANY * WIDTH * HEIGHT  # bytes
# Loops over the frames in each node: parse, choose the person, write; two of the filter; draw.
# The puppet reads and draws. The editor parses, chooses the person and writes. The motion is posed in chunks,
# then its poses are written; its frames are drawn.
LOOPS = {
    "load": 3,
    "load, pictures read": 4,
    "save": 4,
    "smooth": 5,
    "draw": 3,
    "retarget": 3,
    "retarget, preview read": 4,
    "puppet": 2,
    "edit": 3,
    "motion": 1,
    "motion, frames read": 2,
}


@pytest.fixture(scope="module")
def report(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_probe("stop", comfyui, tmp_path_factory.mktemp("stop"))


@pytest.mark.parametrize("work", LOOPS)
def test_every_loop_over_poses_asks_whether_to_stop(report: dict[str, Any], work: str) -> None:
    assert report[work]["asked"] >= LOOPS[work] * (FRAMES - 1)


@pytest.mark.parametrize("work", LOOPS)
def test_a_stop_is_heard_at_once_and_leaves_nothing(report: dict[str, Any], work: str) -> None:
    assert report[work]["heard"] == [True, True, True]
    assert report[work]["left behind"] == 0


@pytest.fixture
def many(server: Server) -> PoseSequence:
    """A long clip's poses in ComfyUI's input folder."""
    dance = small_dance()
    points = dance.select([index % len(dance) for index in range(MANY)]).points
    clip = PoseSequence.from_points(points, WIDTH, HEIGHT)
    write_poses(server.base / "input" / "many.json", clip)
    return clip


def test_the_button_stops_the_drawing(server: Server, many: PoseSequence) -> None:
    prompt = {
        "loaded": poses("many.json"),
        "drawn": node("AnimateXDrawPoses", poses=["loaded", 0], width=0, height=0),
    }
    prompt["shown"] = node("PreviewImage", images=["drawn", 0])
    messages = dict(interrupt_during(server, prompt, "drawn")["status"]["messages"])
    assert messages["execution_interrupted"]["node_id"] == "drawn"


def _without_pictures() -> Prompt:
    saved = node("AnimateXSavePoses", poses=["loaded", 0], filename_prefix="many/poses")
    return {"loaded": poses("many.json"), "saved": saved}


def test_pictures_that_nobody_reads_take_no_memory(server: Server, many: PoseSequence) -> None:
    before = server.memory()
    server.run(_without_pictures())
    assert server.memory() - before < ALL_PICTURES / 4


def test_pictures_that_are_wired_later_are_drawn_then(server: Server) -> None:
    clip = small_dance()
    write_poses(server.base / "input" / "later.json", clip)
    prompt = {
        "loaded": poses("later.json"),
        "saved": node("AnimateXSavePoses", poses=["loaded", 0], filename_prefix="later"),
    }
    server.run(prompt)
    for name, kind in {"first": "SaveImage", "second": "SaveImage"}.items():
        prompt[name] = node(kind, images=["loaded", 1], filename_prefix=f"later/{name}")
        history = server.run(prompt)
        assert "loaded" in cached_nodes(history)
        assert _images(server.files(history)[-len(clip) :]) == [drawn.tolist() for drawn in draw_poses(clip)]


def test_pictures_pass_through_other_nodes(server: Server) -> None:
    clip = small_dance().select(range(3))
    write_poses(server.base / "input" / "through.json", clip)
    prompt = {
        "loaded": poses("through.json"),
        "reversed": node("ImageFromBatch", image=["loaded", 1], batch_index=1, length=2),
    }
    prompt["saved"] = node("SaveImage", images=["reversed", 0], filename_prefix="through")
    expected = [drawn.tolist() for drawn in draw_poses(clip.select([1, 2]))]
    assert _images(server.files(server.run(prompt))) == expected


def _images(files: list[Path]) -> list[Any]:
    return [np.asarray(Image.open(file)).tolist() for file in files]
