"""The shipped subgraphs, as ComfyUI's editor takes them from its node library."""

import importlib.util
import json
from collections.abc import Iterator

import pytest

from tests.comfyui.hosts import ROOT, Host

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.comfyui.browser import CHROMIUM, Editor
from tests.comfyui.looks import Look
from workflow_tools.blueprints import blueprint_form, blueprints
from workflow_tools.schema import read_schemas

pytestmark = pytest.mark.one_host  # the newest: 0.3.64 has no blueprints
FOLDER = ROOT / "subgraphs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
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


@pytest.fixture(scope="module")
def editor(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    with Look().editing(comfyui, tmp_path_factory.mktemp("blueprints")) as opened:
        yield opened


def test_comfyui_offers_them(editor: Editor) -> None:
    entries = editor.server.ask("/global_subgraphs").values()
    assert sorted(each["name"] for each in entries if "animate-x" in each["info"]["node_pack"]) == NAMES
    assert len(NAMES) == 3


@pytest.mark.parametrize("name", NAMES)
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
