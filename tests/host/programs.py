"""Programs of this folder, run in a process of their own."""

import json
import subprocess
from typing import Any

from tests.host.hosts import ROOT, Host


def measured(program: str, comfyui: Host, *arguments: object) -> dict[str, Any]:
    """Run a program that prints JSON, and return what it saw.

    arguments: those that follow the folder of ComfyUI.
    """
    done = subprocess.run(
        [comfyui.python, "-m", f"tests.host.{program}", str(comfyui.path), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=comfyui.environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
