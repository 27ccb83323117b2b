"""Programs of this folder, run in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.host.pack import ROOT


def measured(program: str, comfyui: Path) -> dict[str, Any]:
    """Run a program that prints JSON, and return what it saw."""
    command = [sys.executable, "-m", f"tests.host.{program}", str(comfyui)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
