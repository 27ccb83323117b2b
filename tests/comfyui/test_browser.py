"""The shipped workflows in ComfyUI's real editor, in every look that it has."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.server import PACK
from tests.comfyui.workflow_samples import (
    NAMES,
    changed,
    known_to,
    lack_of_nodes,
    node_of,
    read_graph,
    read_prompt,
)

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.comfyui.browser import CHROMIUM, Editor
from tests.comfyui.looks import LOOKS, Look
from tests.comfyui.page_scripts import CONTRASTS, CUT_OFF, CUT_OFF_SIDEWAYS, LINKS, RECTANGLES, SELECT

pytestmark = pytest.mark.plain_mode

MISSING = "() => app.graph.nodes.map(n => n.type).filter(type => !LiteGraph.registered_node_types[type])"
WIDGETS = "() => Object.fromEntries(app.graph.nodes.map(n => [n.id, n.serialize().widgets_values ?? []]))"
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
HELP = ".node-help-content"
LEAST_CONTRAST = 4.5  # of text, by WCAG 2.2, level AA
DRAWN = 1000  # milliseconds until the nodes of a graph are drawn


@pytest.fixture(scope="module", params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest, comfyui: Host) -> Look:
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    if reason := request.param.lack(comfyui):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="module")
def editor(look: Look, comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with look.editing(comfyui, tmp_path_factory.mktemp("editor")) as opened:
        yield opened


@pytest.fixture(scope="class", params=NAMES)
def loaded(request: pytest.FixtureRequest, editor: Editor) -> tuple[Editor, str]:
    """The editor and the workflow in it, loaded once for all that is asked of it."""
    if reason := lack_of_nodes(request.param, editor.server.ask("/object_info")):
        pytest.skip(reason)
    editor.complaints.clear()
    editor.load(read_graph(request.param))
    return editor, request.param


@pytest.fixture(scope="class")
def fitted(loaded: tuple[Editor, str]) -> Editor:
    """The editor with the whole of a loaded workflow in sight."""
    editor, _ = loaded
    editor.fit()
    return editor


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
        found = editor.ask(WIDGETS)
        # Older versions have fewer inputs, the last of a node.
        missing = _inputs(read_prompt(name)) - _inputs(editor_knows(editor, name))
        fewer = {number for number, _ in missing}
        assert found == {
            number: values[: len(found[number])] if number in fewer else values
            for number, values in meant.items()
        }

    def test_has_its_twin_for_the_api(self, loaded: tuple[Editor, str]) -> None:
        editor, name = loaded
        assert untitled(editor.api_form()) == untitled(editor_knows(editor, name))

    def test_has_no_nodes_that_overlap(self, fitted: Editor) -> None:
        frames = fitted.ask(RECTANGLES)
        assert [(one[0], other[0]) for one in frames for other in frames if overlap(one, other)] == []

    def test_has_notes_whose_lines_are_not_cut_off(self, fitted: Editor) -> None:
        assert fitted.ask(CUT_OFF, NOTES) == []


NOTES = ".comfy-markdown .tiptap, .comfy-markdown-content"


@pytest.mark.parametrize("palette", ["dark", "light"])
@pytest.mark.parametrize("name", ["animate-a-character", "plus-long-clip"])
def test_notes_are_readable(editor: Editor, palette: str, name: str) -> None:
    editor.load(read_graph(name))
    editor.fit()
    editor.set("Comfy.ColorPalette", palette)
    editor.page.wait_for_timeout(DRAWN)
    contrasts = editor.ask(CONTRASTS, NOTES)
    assert {"P", "pre CODE"} <= set(contrasts)
    low = {kind: ratio for kind, ratio in contrasts.items() if ratio < LEAST_CONTRAST}
    assert set(low) <= {"A"}, low  # the colour of links is the theme's own, whatever stands behind them


@pytest.mark.parametrize("kind", ["AnimateXLoadPlus", "AnimateXRetargetPoses", "AnimateXApplyPlus"])
def test_help_fits_its_panel(editor: Editor, kind: str) -> None:
    editor.load(read_graph("plus-long-clip"))
    editor.page.wait_for_timeout(DRAWN)
    editor.ask(SELECT, kind)
    editor.page.get_by_test_id("info-button").click()
    editor.page.locator(HELP).get_by_text("If something goes wrong").wait_for()
    assert editor.ask(CUT_OFF_SIDEWAYS, HELP) == []


class TestPresets:
    def test_a_graph_that_was_saved_without_one_keeps_its_numbers(self, editor: Editor) -> None:
        graph = read_graph("few-steps")
        sampler = next(node for node in graph["nodes"] if node["type"] == "AnimateXSampler")
        assert sampler["widgets_values"].pop() == "draft"
        editor.load(graph)
        known = editor_knows(editor, "few-steps")
        expected = changed(known, AnimateXSampler={"preset": "custom"})
        assert untitled(editor.api_form()) == untitled(expected)

    def test_a_prompt_that_was_exported_without_one_keeps_its_numbers(self, editor: Editor) -> None:
        prompt = editor_knows(editor, "few-steps")
        sampler = node_of(prompt, "AnimateXSampler")
        del prompt[sampler]["inputs"]["preset"]
        editor.ask("async prompt => { await app.loadApiJson(prompt, 'old') }", prompt)
        found = editor.api_form()[sampler]["inputs"]
        assert found == {**prompt[sampler]["inputs"], "preset": "custom"}

    @pytest.mark.parametrize("kind", ["AnimateXSampler", "AnimateXSolver"])
    def test_a_new_node_is_automatic_and_so_are_its_copies(self, editor: Editor, kind: str) -> None:
        editor.ask("() => app.graph.clear()")
        assert editor.ask(ADDED, kind) == ["automatic", "automatic", "draft"]


ADDED = """kind => {
    const preset = node => node.widgets.find(widget => widget.name === 'preset')
    const node = LiteGraph.createNode(kind)
    app.graph.add(node)
    const copy = node.clone(), found = [preset(node).value, preset(copy).value]
    preset(copy).value = 'draft'
    return [...found, preset(copy.clone()).value]
}"""


def editor_knows(editor: Editor, name: str) -> dict[str, dict[str, Any]]:
    """Return the API form of a workflow, as far as the editor's ComfyUI knows its inputs."""
    return known_to(read_prompt(name), editor.server.ask("/object_info"))


def _inputs(prompt: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    return {(number, name) for number, node in prompt.items() for name in node["inputs"]}


def untitled(prompt: dict[str, dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a prompt without the titles of nodes, which differ between versions."""
    return {number: (node["class_type"], node["inputs"]) for number, node in prompt.items()}


def overlap(one: list, other: list) -> bool:
    if one is other:
        return False
    (_, x, y, width, height), (_, left, top, wide, high) = one, other
    return x < left + wide and left < x + width and y < top + high and top < y + height


@pytest.fixture(scope="module")
def shown_clip(look: Look, editor: Editor) -> tuple[Editor, int]:
    """The editor after a small clip was made in it, and the node that shows it."""
    if look != Look():
        pytest.skip("what comes out is looked at in one look of each ComfyUI")
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
    editor.page.set_viewport_size({"width": 1920, "height": 3000})  # pictures out of sight wait
    editor.ask("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    dialog = editor.page.locator("[role=dialog]")  # nodes behind it may bear the pack's name as well
    dialog.get_by_text(PACK, exact=True).first.click()
    for name in NAMES:
        editor.page.get_by_text(name, exact=True).first.wait_for()
    editor.page.wait_for_function(THUMBNAILS, arg=len(NAMES))
