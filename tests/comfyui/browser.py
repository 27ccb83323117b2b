"""ComfyUI's real editor in a real Chromium."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.comfyui.server import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run")
STAY_HOME = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
READY = "() => window.app?.graph && LiteGraph.registered_node_types.KSampler && app.extensionManager"
HOSTS_OWN = (  # complaints of ComfyUI about itself at its start, and about model files that it looks up
    "reading 'id'",
    "404",
    "graph accessed before initialization",
    "ERR_NAME_NOT_RESOLVED",
    "Content Security Policy",
    "cleanup event listeners for graph that was never set up",  # of 0.3.64's small map, when it is hidden
)
NODES_2 = "Comfy.VueNodes.Enabled"
PICTURED = {"LiteGraph.Canvas.MinFontSizeForLOD": 0, "Comfy.Minimap.Visible": False}
VIEWPORT: Any = {"width": 1920, "height": 1000}
EXTENT = """() => {
    const {scale, offset} = app.canvas.ds, canvas = app.canvas.canvas.getBoundingClientRect()
    const frames = app.graph.groups.map(group => group.boundingRect)
    const edge = (axis, far) => frames.map(frame => frame[axis] + (far ? frame[axis + 2] : 0))
    const place = axis => Math.min(...edge(axis, false))
    const length = axis => (Math.max(...edge(axis, true)) - place(axis)) * scale
    const x = canvas.x + (place(0) + offset[0]) * scale, y = canvas.y + (place(1) + offset[1]) * scale
    return {x, y, width: length(0), height: length(1)}
}"""
PATIENCE, SETTLE = 60_000, 1500  # milliseconds


@dataclass(frozen=True)
class Editor:
    """The editor in a page. complaints: errors in its console and uncaught ones."""

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)

    def load(self, graph: Mapping[str, Any]) -> None:
        """Open a saved graph, as dropping its file onto the editor does."""
        self.page.evaluate("graph => app.loadGraphData(graph)", graph)

    def set(self, setting: str, value: Any) -> None:
        """Change a setting of the editor."""
        self.ask("([name, value]) => app.extensionManager.setting.set(name, value)", [setting, value])

    def ask(self, expression: str, argument: Any = None) -> Any:
        """Return the value of a JavaScript function, called with an argument."""
        return self.page.evaluate(expression, argument)

    def api_form(self) -> dict[str, Any]:
        """Return what the editor would queue, whether it shows the clips of its nodes already or not."""
        prompt = self.ask("async () => (await app.graphToPrompt()).output")
        for node in prompt.values():
            node["inputs"].pop("video-preview", None)
        return prompt

    def queue(self) -> str:
        """Queue the graph and return the id of the prompt."""
        answer = self.ask("async () => app.api.queuePrompt(0, await app.graphToPrompt())")
        assert not answer.get("node_errors"), answer
        return answer["prompt_id"]

    def fit(self) -> None:
        """Bring the whole graph in sight, readable however small: what is out of sight shows no pictures."""
        for setting, value in PICTURED.items():
            self.set(setting, value)
        self.ask("() => app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.page.wait_for_timeout(SETTLE)

    def picture(self) -> bytes:
        """Return a screenshot of the whole graph and nothing else, as a PNG file."""
        self.fit()
        return self.page.screenshot(clip=self.ask(EXTENT))


@contextmanager
def editing(server: Server, scale: float = 1) -> Iterator[Editor]:
    """Open the editor of a server; nothing is asked of any other host. scale: device pixels a pixel."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, STAY_HOME])
        try:
            page = chromium.new_page(viewport=VIEWPORT, device_scale_factor=scale)
            page.set_default_timeout(PATIENCE)
            editor = Editor(page, server)
            page.on("console", lambda message: _note(editor, message))
            page.on("pageerror", lambda error: _complain(editor, str(error)))
            page.goto(server.url)
            page.wait_for_function(READY)
            yield editor
        finally:
            chromium.close()


def _note(editor: Editor, message: ConsoleMessage) -> None:
    if message.type == "error":
        _complain(editor, f"{message.text} {message.location}")


def _complain(editor: Editor, text: str) -> None:
    if not any(own in text for own in HOSTS_OWN):
        editor.complaints.append(text)
