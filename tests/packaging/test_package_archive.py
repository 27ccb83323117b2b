"""The archive that the registry would serve: made by comfy-cli, looked into, and run in a real ComfyUI."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.comfyui.environments import comfy_cli
from tests.comfyui.hosts import Host
from tests.comfyui.server import PACK, serving
from tests.packaging.comfy_node import ARCHIVE, checkout, comfy_node, tracked
from tests.test_stable_ids import node_ids

SHIPPED = {
    *("__init__.py", "pyproject.toml", "requirements.txt", "models.yaml", "LICENSE"),
    *("README.md", "CHANGELOG.md", "CITATION.cff"),
    *("animatex_core", "nodes", "docs", "locales", "subgraphs", "web", "workflows"),
}
MAX_BYTES = 30 << 20  # most of them are the built-in models


@pytest.fixture(scope="module")
def repository() -> Iterator[Path]:
    """A copy of the repository in which comfy-cli may write."""
    if not comfy_cli().exists():
        pytest.skip("comfy-cli is not installed: run `python -m tests.comfyui.environments`")
    if shutil.which("git") is None or not tracked():
        pytest.skip("comfy-cli packs what git tracks: run this in a clone of the repository")
    with checkout() as folder:
        yield folder


@pytest.fixture(scope="module")
def archive(repository: Path) -> Path:
    comfy_node("pack", repository)
    return repository / ARCHIVE


@pytest.fixture(scope="module")
def names(archive: Path) -> list[str]:
    with ZipFile(archive) as packed:
        return packed.namelist()


def test_the_registry_takes_the_project(repository: Path) -> None:
    said = comfy_node("validate", repository)
    assert "All validation checks passed" in said
    assert not re.search("warning|error", said, flags=re.IGNORECASE), said


def test_only_what_users_need_ships(names: list[str]) -> None:
    assert {name.partition("/")[0] for name in names} == SHIPPED
    assert [name for name in names if name.startswith("docs/") and not name.endswith(".md")] == []


def test_nothing_that_ships_is_left_out(names: list[str]) -> None:
    expected = {path for path in tracked() if path.partition("/")[0] in SHIPPED - {"docs"}}
    assert expected - set(names) == set()
    assert {"docs/training.md", "animatex_core/__main__.py", "web/docs/AnimateXSampler.md"} <= set(names)
    assert {"web/js/pose_editor.js", "web/js/pose_editor/evaluate.js", "web/js/presets.js"} <= set(names)


def test_the_archive_is_small(archive: Path) -> None:
    assert archive.stat().st_size < MAX_BYTES


@pytest.mark.one_host
def test_comfyui_lists_the_nodes_of_the_archive(comfyui: Host, archive: Path, tmp_path: Path) -> None:
    pack = tmp_path / "unpacked" / PACK
    with ZipFile(archive) as packed:
        packed.extractall(pack)
    with serving(comfyui, tmp_path / "comfyui", pack=pack) as server:
        known = server.ask("/object_info")
        page = server.ask("/workflow_templates")
    ours = {name for name, node in known.items() if node["python_module"].endswith(f".{PACK}")}
    assert ours == set(node_ids())
    assert "animate-a-character" in page[PACK]
    assert "IMPORT FAILED" not in server.log
