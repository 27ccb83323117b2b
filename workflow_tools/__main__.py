"""`python -m workflow_tools`: write `workflows/` and `subgraphs/` with the newest installed ComfyUI."""

import json
import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.comfyui.browser import Editor, editing
from tests.comfyui.hosts import ROOT, installations
from tests.comfyui.server import serving
from tests.comfyui.workflow_samples import FOLDER, put_inputs, read_graph

from .blueprint_form import blueprint_form
from .blueprints import blueprints
from .graph import Workflow
from .graphs import workflows
from .material import write_material
from .schema import Schema, read_schemas
from .thumbnails import write_thumbnail
from .ui_form import ui_form

README_IMAGE, SHOWN = ROOT / "docs" / "images" / "workflow.jpg", "animate-a-character"
BLUEPRINTS = ROOT / "subgraphs"
README_WIDTH = 2000  # pixels
IMAGES_LOADED = """() => {
    const shown = app.graph.nodes.find(node => node.type === 'PreviewImage').imgs
    return shown?.length && shown.every(picture => picture.complete)
}"""


def main() -> None:
    """Write the inputs, both forms of every workflow, its thumbnail, and the image in the README."""
    write_material(FOLDER / "inputs")
    with tempfile.TemporaryDirectory() as base, serving(installations()[-1], Path(base)) as server:
        put_inputs(server.base / "input")
        schemas = read_schemas(server.ask("/object_info"))
        with editing(server, scale=2) as editor:
            for workflow in workflows():
                _write(workflow, schemas, editor)
            write_blueprints(schemas)
            _capture_result(editor)


def _write(workflow: Workflow, schemas: Mapping[str, Schema], editor: Editor) -> None:
    graph = ui_form(workflow, schemas)
    editor.load(graph)
    _write_json(FOLDER / f"{workflow.name}.json", graph)
    _write_json(FOLDER / "api" / f"{workflow.name}.json", editor.api_form())
    write_thumbnail(FOLDER / f"{workflow.name}.jpg", workflow.name)


def write_blueprints(schemas: Mapping[str, Schema]) -> None:
    """Write the subgraphs that ComfyUI offers in its node library."""
    BLUEPRINTS.mkdir(exist_ok=True)
    for blueprint in blueprints():
        _write_json(BLUEPRINTS / f"{blueprint.name}.json", blueprint_form(blueprint, schemas))


def _capture_result(editor: Editor) -> None:
    editor.load(read_graph(SHOWN))
    history = editor.server.wait(editor.queue())
    assert history["status"]["status_str"] == "success", history
    editor.fit()
    editor.page.wait_for_function(IMAGES_LOADED)
    picture = Image.open(BytesIO(editor.picture())).convert("RGB")
    picture.thumbnail((README_WIDTH, README_WIDTH), Image.Resampling.LANCZOS)
    picture.save(README_IMAGE, quality=85, optimize=True)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
