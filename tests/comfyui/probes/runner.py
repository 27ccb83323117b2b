"""Runs the probes of this folder, programs that run inside ComfyUI, each in its own process."""

import json
import subprocess
from typing import Any

from tests.comfyui.hosts import ROOT, Host


def run_probe(probe: str, comfyui: Host, *arguments: object) -> dict[str, Any]:
    """Run a probe and return the JSON that it prints.

    Args:
        probe: Its module in this folder.
        comfyui: The ComfyUI whose Python runs it.
        arguments: Arguments after the folder of ComfyUI.

    """
    done = subprocess.run(
        [comfyui.python, "-m", f"tests.comfyui.probes.{probe}", str(comfyui.path), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=comfyui.environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
