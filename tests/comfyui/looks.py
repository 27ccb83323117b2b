"""The editor's frontends, and its two ways to draw nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.comfyui.browser import NODES_2, Editor, editing
from tests.comfyui.environments import NEWEST_FRONTEND, frontend_root
from tests.comfyui.hosts import Host
from tests.comfyui.server import serving
from tests.comfyui.workflow_samples import put_inputs

FIRST_WITH_NODES_2 = (0, 33)


@dataclass(frozen=True)
class Look:
    """A look of the editor. newest: of the newest frontend instead of ComfyUI's own; nodes_2: Nodes 2.0."""

    newest: bool = False
    nodes_2: bool = False

    def __str__(self) -> str:
        return f"{'newest' if self.newest else 'own'}-{'nodes2' if self.nodes_2 else 'classic'}"

    def lack(self, host: Host) -> str:
        """Return why a ComfyUI cannot show it, empty where it can."""
        if host.dynamic_vram:
            return "the editor does not depend on how ComfyUI manages memory"
        if host.release < FIRST_WITH_NODES_2 and (self.nodes_2 or self.newest):
            return f"ComfyUI {host.version} has no Nodes 2.0 and no newer frontend"
        if self.newest and not frontend_root().exists():
            return f"no frontend {NEWEST_FRONTEND}: run `python -m tests.comfyui.environments`"
        return ""

    @contextmanager
    def editing(self, host: Host, base: Path) -> Iterator[Editor]:
        """Open the editor of a server of its own, with the files that the workflows name."""
        options = ("--front-end-root", str(frontend_root())) if self.newest else ()
        with serving(host, base, *options) as server:
            put_inputs(server.base / "input")
            with editing(server) as editor:
                if self.nodes_2:
                    editor.set(NODES_2, True)
                yield editor


LOOKS = Look(), Look(nodes_2=True), Look(newest=True), Look(newest=True, nodes_2=True)
