import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.server import Server, serving


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """Where a real ComfyUI lies: COMFYUI_PATH, else where comfy-cli installs it."""
    path = Path(os.environ.get("COMFYUI_PATH", Path.home() / "comfy" / "ComfyUI"))
    if not (path / "comfy" / "ops.py").exists():
        pytest.skip(f"no ComfyUI at {path}: clone it there, or set COMFYUI_PATH, to run the host tests")
    for package in ("aiohttp", "av", "comfyui_frontend_package"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"ComfyUI needs {package}: run `pip install -r {path / 'requirements.txt'}`")
    return path


@pytest.fixture(scope="session")
def server(comfyui: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One ComfyUI with the pack for all tests of a process."""
    with serving(comfyui, tmp_path_factory.mktemp("comfyui")) as running:
        yield running
