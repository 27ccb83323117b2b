import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """Where a real ComfyUI lies: COMFYUI_PATH, else where comfy-cli installs it."""
    path = Path(os.environ.get("COMFYUI_PATH", Path.home() / "comfy" / "ComfyUI"))
    if not (path / "comfy" / "ops.py").exists():
        pytest.skip(f"no ComfyUI at {path}: set COMFYUI_PATH to run the host tests")
    return path
