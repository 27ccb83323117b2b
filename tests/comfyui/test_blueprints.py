"""The shipped subgraphs, as ComfyUI's editor takes them from its node library."""

import importlib.util
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.comfyui.hosts import ROOT, Host

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.comfyui.browser import CHROMIUM, Editor
from tests.comfyui.looks import Look
from tests.comfyui.server import Server
from tests.comfyui.workflow_samples import changed, read_prompt
from workflow_tools.blueprint_form import blueprint_form
from workflow_tools.blueprints import blueprints
from workflow_tools.schema import read_schemas

pytestmark = pytest.mark.one_host  # the newest: 0.3.64 has no blueprints
FOLDER = ROOT / "subgraphs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
WHOLE = [blueprint.name for blueprint in blueprints() if not blueprint.is_block]
SETTINGS = {"frames": 2, "steps": 1}
CONNECTED = """settings => {
    const graph = app.graph, [subgraph] = graph.nodes
    const add = (type, x) => {
        const node = LiteGraph.createNode(type)
        node.pos = [x, 0]
        graph.add(node)
        return node
    }
    const set = (node, name, value) => {
        const widget = node.widgets?.find(widget => widget.name === name)
        if (widget) widget.value = value
    }
    const image = add('LoadImage', -900), video = add('LoadVideo', -500)
    set(image, 'image', 'animate-x-character.png')
    set(video, 'file', 'animate-x-dance.mp4')
    const sources = {IMAGE: [image, 0], MASK: [image, 1], VIDEO: [video, 0]}
    const sinks = {IMAGE: 'PreviewImage', VIDEO: 'SaveVideo', POSE_KEYPOINT: 'AnimateXSavePoses'}
    for (const [slot, input] of subgraph.inputs.entries())
        if (input.type in sources) sources[input.type][0].connect(sources[input.type][1], subgraph, slot)
    for (const [slot, output] of subgraph.outputs.entries())
        if (output.type in sinks) subgraph.connect(slot, add(sinks[output.type], 600 + 300 * slot), 0)
    for (const [name, value] of Object.entries(settings)) set(subgraph, name, value)
    return subgraph.outputs.filter(output => output.type in sinks).length
}"""

BLOCKS = "Retarget and Condition", "Sample and Decode", "Cut Out and Encode"
NODES = {  # by their names in JOINTS: type and widgets
    "image": ("LoadImage", {"image": "animate-x-character.png"}),
    "video": ("LoadVideo", {"file": "animate-x-dance.mp4"}),
    "driving": ("AnimateXDrivingFrames", {"frames": 2}),
    "model": ("AnimateXLoadModel", {}),
    "encoders": ("AnimateXLoadEncoders", {}),
    "dwpose": ("AnimateXLoadDWPose", {}),
    "dance": ("AnimateXExtractPoses", {}),
    "own": ("AnimateXExtractPoses", {"whole_frame": False}),
}
JOINTS = """
video.VIDEO driving.video, driving.frames dance.images, dwpose.dwpose dance.dwpose, dwpose.dwpose own.dwpose,
image.IMAGE own.images, dance.poses Retarget.poses, own.poses Retarget.reference_pose,
image.IMAGE Retarget.reference, image.MASK Retarget.mask, driving.frames Retarget.frames,
encoders.CLIP_VISION Retarget.clip_vision, model.MODEL Retarget.model, encoders.VAE Retarget.vae,
model.MODEL Sample.model, Retarget.positive Sample.positive, Retarget.negative Sample.negative,
Retarget.latent Sample.latent_image, encoders.VAE Sample.vae, Sample.images Cut.images,
image.IMAGE Cut.reference, image.MASK Cut.mask, driving.fps Cut.fps, driving.audio Cut.audio
"""
JOINED = """([nodes, joints]) => {
    const graph = app.graph, byName = {}
    for (const node of graph.nodes) byName[node.title.split(' ')[0]] = node
    for (const [name, [type, widgets]] of Object.entries(nodes)) {
        const node = LiteGraph.createNode(type)
        graph.add(node)
        for (const [widget, value] of Object.entries(widgets))
            node.widgets.find(each => each.name === widget).value = value
        byName[name] = node
    }
    const missing = []
    for (const [from, output, to, input] of joints) {
        const slots = [byName[from].findOutputSlot(output), byName[to].findInputSlot(input)]
        if (slots.includes(-1)) missing.push([from, output, to, input])
        else byName[from].connect(slots[0], byName[to], slots[1])
    }
    return missing
}"""


@pytest.fixture(scope="module")
def editor(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    with Look().editing(comfyui, tmp_path_factory.mktemp("blueprints")) as opened:
        yield opened


def test_comfyui_offers_them(editor: Editor) -> None:
    entries = editor.server.ask("/global_subgraphs").values()
    assert sorted(each["name"] for each in entries if "animate-x" in each["info"]["node_pack"]) == NAMES
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", WHOLE)
def test_one_node_runs(editor: Editor, name: str) -> None:
    editor.complaints.clear()
    editor.load(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    assert editor.ask("() => app.graph.nodes.length") == 1
    results = editor.ask(CONNECTED, SETTINGS)
    history = editor.server.wait(editor.queue())
    assert history["status"]["status_str"] == "success", history
    assert len(history["outputs"]) >= results > 0
    assert editor.complaints == []


def test_they_are_what_todays_workflows_give(editor: Editor) -> None:
    schemas = read_schemas(editor.server.ask("/object_info"))
    for blueprint in blueprints():
        path = FOLDER / f"{blueprint.name}.json"
        assert json.loads(path.read_text(encoding="utf-8")) == blueprint_form(blueprint, schemas)


def joined_blocks() -> dict[str, Any]:
    """Return a graph with the blocks between poses and video, not connected yet."""
    graphs = [
        json.loads((FOLDER / f"{name} (Animate-X).json").read_text(encoding="utf-8")) for name in BLOCKS
    ]
    nodes = [{**graph["nodes"][0], "id": number} for number, graph in enumerate(graphs, start=1)]
    subgraphs = [graph["definitions"]["subgraphs"][0] for graph in graphs]
    return {**graphs[0], "nodes": nodes, "last_node_id": len(nodes), "definitions": {"subgraphs": subgraphs}}


def transparent_frames(server: Server, history: dict[str, Any]) -> np.ndarray:
    (clip,) = (file for file in server.files(history) if file.suffix == ".webm")
    return np.stack(list(read_frames(probe(clip), alpha=True)))


def test_the_blocks_together_make_what_the_workflow_makes(editor: Editor) -> None:
    editor.load(joined_blocks())
    joints = [re.split(r"[. ]", joint.strip()) for joint in JOINTS.split(",")]
    assert editor.ask(JOINED, [NODES, joints]) == []
    history = editor.server.wait(editor.queue())
    assert history["status"]["status_str"] == "success", history
    prompt = changed(read_prompt("cut-out-and-sprite-sheet"), AnimateXDrivingFrames={"frames": 2})
    expected = transparent_frames(editor.server, editor.server.run(prompt))
    np.testing.assert_array_equal(transparent_frames(editor.server, history), expected)
