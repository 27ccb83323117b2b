"""The shipped workflows in ComfyUI's real editor."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.host.server import PACK, Server
from tests.host.workflow_samples import NAMES, node_of, put_inputs, read_graph, read_prompt

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.host.browser import CHROMIUM, Editor, editing

MISSING = "() => app.graph.nodes.map(n => n.type).filter(type => !LiteGraph.registered_node_types[type])"
LINKS = """() => [...app.graph.links.values()].map(
    l => [l.id, l.origin_id, l.origin_slot, l.target_id, l.target_slot, l.type])"""
WIDGETS = "() => Object.fromEntries(app.graph.nodes.map(n => [n.id, n.serialize().widgets_values ?? []]))"
FRAMES = "() => app.graph.nodes.map(n => [n.type, ...n.pos, ...n.size])"
SHOWN = """id => {
    const video = app.graph.getNodeById(id).videoContainer?.querySelector('video')
    return video?.videoWidth > 0 ? [video.videoWidth, video.videoHeight] : null
}"""
DROPPED = """async url => {
    const answer = await fetch(url)
    await app.handleFile(new File([await answer.blob()], 'animation.mp4', {type: 'video/mp4'}))
}"""
RESIZE = """id => app.graph.getNodeById(id).widgets.forEach(
    widget => { widget.value = {width: 128, height: 192}[widget.name] ?? widget.value })"""
THUMBNAILS = """count => count === [...document.querySelectorAll('img')].filter(
    picture => picture.naturalWidth === 512 && picture.naturalHeight === 384).length"""
TITLE = 30  # pixels above a node's place


@pytest.fixture(scope="module")
def editor(server: Server) -> Iterator[Editor]:
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    put_inputs(server.base / "input")
    with editing(server) as opened:
        yield opened


@pytest.fixture(params=NAMES)
def loaded(request: pytest.FixtureRequest, editor: Editor) -> tuple[Editor, str]:
    editor.complaints.clear()
    editor.load(read_graph(request.param))
    return editor, request.param


class TestEveryWorkflow:
    def test_loads_without_a_red_node(self, loaded: tuple[Editor, str]) -> None:
        editor, name = loaded
        assert editor.ask(MISSING) == []
        assert editor.ask("() => app.graph.nodes.length") == len(read_graph(name)["nodes"])
        assert editor.complaints == []

    def test_keeps_links_and_widgets(self, loaded: tuple[Editor, str]) -> None:
        editor, name = loaded
        graph = read_graph(name)
        assert sorted(editor.ask(LINKS)) == graph["links"]
        meant = {str(node["id"]): node.get("widgets_values", []) for node in graph["nodes"]}
        assert editor.ask(WIDGETS) == meant

    def test_has_its_twin_for_the_api(self, loaded: tuple[Editor, str]) -> None:
        editor, name = loaded
        assert editor.api_form() == read_prompt(name)

    def test_has_no_nodes_that_overlap(self, loaded: tuple[Editor, str]) -> None:
        frames = loaded[0].ask(FRAMES)
        assert [(one[0], other[0]) for one in frames for other in frames if overlap(one, other)] == []


def overlap(one: list, other: list) -> bool:
    if one is other:
        return False
    (_, x, y, width, height), (_, left, top, wide, high) = one, other
    return x < left + wide and left < x + width and y - TITLE < top + high and top - TITLE < y + height


@pytest.fixture(scope="module")
def shown_clip(editor: Editor) -> tuple[Editor, int]:
    """The editor after a small clip was made in it, and the node that shows it."""
    name = "few-steps"
    prompt = read_prompt(name)
    editor.load(read_graph(name))
    editor.ask(RESIZE, int(node_of(prompt, "AnimateXConditioning")))
    history = editor.server.wait(editor.queue())
    assert history["status"]["status_str"] == "success", history
    return editor, int(node_of(prompt, "AnimateXEncodeVideo"))


class TestRunning:
    def test_the_clip_plays_on_its_node(self, shown_clip: tuple[Editor, int]) -> None:
        editor, node = shown_clip
        size = editor.page.wait_for_function(SHOWN, arg=node).json_value()
        assert size == [128, 192]
        assert editor.ask("id => app.nodeOutputs[id].images[0].filename", node).endswith(".mp4")

    def test_the_clip_brings_its_graph_back(self, shown_clip: tuple[Editor, int]) -> None:
        editor, node = shown_clip
        shown = editor.ask("id => app.nodeOutputs[id].images[0]", node)
        editor.ask("() => app.graph.clear()")
        editor.ask(DROPPED, "/view?filename={filename}&subfolder={subfolder}&type={type}".format(**shown))
        editor.page.wait_for_function("() => app.graph.nodes.length > 0")
        assert sorted(editor.ask(LINKS)) == read_graph("few-steps")["links"]


def test_the_template_browser_shows_them(editor: Editor) -> None:
    editor.page.set_viewport_size({"width": 1920, "height": 2000})  # pictures out of sight wait
    editor.ask("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    editor.page.get_by_text(PACK, exact=True).first.click()
    for name in NAMES:
        editor.page.get_by_text(name, exact=True).first.wait_for()
    editor.page.wait_for_function(THUMBNAILS, arg=len(NAMES))
