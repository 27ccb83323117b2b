"""Graphs as people edit them in the page, run by its button, beside the same work as a plain API prompt."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.formats.reader import read_poses
from tests.comfyui.hosts import Host
from tests.comfyui.server import Server
from tests.comfyui.workflow_samples import Prompt, changed, node_of, read_graph, read_prompt

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.comfyui.browser import CHROMIUM, Editor
from tests.comfyui.looks import Look
from tests.comfyui.page_scripts import INSERT_REROUTES, LINK_PRIMITIVE, TOGGLE, VALUES

pytestmark = pytest.mark.one_host  # how a page turns graphs into prompts is the editor's work, not the pack's
FRAMES, STRIDE = 8, 3
SMALL = {"width": 64, "height": 64}
BYPASS, MUTE = "Bypass", "Mute"


@pytest.fixture(scope="module", params=[Look(), Look(nodes_2=True)], ids=str)
def editor(
    request: pytest.FixtureRequest, comfyui: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Editor]:
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    if reason := request.param.lack(comfyui):
        pytest.skip(reason)
    with request.param.editing(comfyui, tmp_path_factory.mktemp("editing")) as opened:
        yield opened


def test_reroutes_and_primitives_around_a_bypassed_and_a_muted_node(editor: Editor) -> None:
    editor.load(read_graph("extract-poses"))
    editor.ask(INSERT_REROUTES, ["AnimateXExtractPoses", "AnimateXSmoothPoses", "AnimateXSavePoses"])
    editor.ask(LINK_PRIMITIVE, ["PrimitiveInt", "AnimateXDrivingFrames", "frames", FRAMES])
    editor.ask(LINK_PRIMITIVE, ["PrimitiveNode", "AnimateXDrivingFrames", "stride", STRIDE])
    editor.ask(TOGGLE, ["AnimateXSmoothPoses", BYPASS])
    editor.ask(TOGGLE, ["AnimateXEncodeVideo", MUTE])
    history = run_by_button(editor)
    assert [kind for kind in kinds(history) if "Smooth" in kind or "Encode" in kind] == []
    plain = without(read_prompt("extract-poses"), "AnimateXSmoothPoses", "AnimateXEncodeVideo")
    plain = changed(
        plain,
        AnimateXDrivingFrames={"frames": FRAMES, "stride": STRIDE},
        AnimateXSavePoses={"poses": [node_of(plain, "AnimateXExtractPoses"), 0]},
        AnimateXDrawPoses={"poses": [node_of(plain, "AnimateXExtractPoses"), 0]},
    )
    found, expected = (saved_poses(editor.server, each) for each in (history, editor.server.run(plain)))
    assert found.shape[0] == FRAMES
    assert np.array_equal(found, expected, equal_nan=True)


def test_a_bypassed_retargeting_hands_the_poses_on(editor: Editor) -> None:
    editor.load(read_graph("repose-a-picture"))
    editor.ask(VALUES, ["AnimateXConditioning", SMALL])
    editor.ask(TOGGLE, ["AnimateXRetargetPoses", BYPASS])
    editor.ask(TOGGLE, ["PreviewImage", MUTE])
    history = run_by_button(editor)
    plain = without(read_prompt("repose-a-picture"), "AnimateXRetargetPoses", "PreviewImage")
    dance = next(number for number, each in plain.items() if each["_meta"]["title"] == "Driving poses")
    poses = {name: [dance, 0] for name in ("poses", "reference_pose")}
    expected = editor.server.run(changed(plain, AnimateXConditioning={**SMALL, **poses}))
    found, plainly = (saved_image(editor.server, each) for each in (history, expected))
    assert found.shape[:2] == (SMALL["height"], SMALL["width"])
    assert np.array_equal(found, plainly)


def run_by_button(editor: Editor) -> dict[str, Any]:
    """Press Run, and return the history of what it queued."""
    with editor.page.expect_response(lambda answer: answer.url.endswith("/api/prompt")) as answered:
        editor.page.get_by_test_id("queue-button").first.click()
    answer = answered.value.json()
    assert not answer.get("node_errors"), answer
    history = editor.server.wait(answer["prompt_id"])
    assert history["status"]["status_str"] == "success", history["status"]
    return history


def kinds(history: dict[str, Any]) -> list[str]:
    """Return the kinds of nodes that a page queued."""
    return [node["class_type"] for node in history["prompt"][2].values()]


def without(prompt: Prompt, *kinds: str) -> Prompt:
    """Return a prompt without the nodes of some kinds."""
    return {number: node for number, node in prompt.items() if node["class_type"] not in kinds}


def saved_poses(server: Server, history: dict[str, Any]) -> np.ndarray:
    (shown,) = (output["text"] for output in history["outputs"].values() if "text" in output)
    return read_poses(server.base / "output" / shown[0]).keypoints()


def saved_image(server: Server, history: dict[str, Any]) -> np.ndarray:
    (path,) = (file for file in server.files(history) if file.parent.name == "output")
    return _pixels(path)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
