"""The snippet for ComfyUI's API, run as it stands but for address, folder and size."""

import subprocess
import sys
from pathlib import Path

from animatex_core.video.info import probe
from tests.comfyui.hosts import ROOT
from tests.comfyui.server import Server
from tests.documents import snippets

FRAMES = '"Driving Frames.frames": 32'
SMALLER = '"Driving Frames.frames": 2, "width": 64, "height": 64'


def test_api_snippet(server: Server, tmp_path: Path) -> None:
    (source,) = (snippet for snippet in snippets("python") if "8188" in snippet)
    assert FRAMES in source
    code = source.replace("http://127.0.0.1:8188", server.url).replace(FRAMES, SMALLER)
    code = code.replace('"results"', repr(str(tmp_path)))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["rabbit-1.mp4 done", "rabbit-2.mp4 done"]
    assert [probe(tmp_path / f"rabbit-{seed}.mp4").frames for seed in (1, 2)] == [2, 2]
