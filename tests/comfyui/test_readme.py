"""The snippet for ComfyUI's API, run as it stands but for the address and the size of the video."""

import subprocess
import sys

from tests.comfyui.hosts import ROOT
from tests.comfyui.server import Server
from tests.documents import snippets

LOOP = "for seed in"
SMALLER = 'inputs["Animate-X Conditioning"] |= {"width": 64, "height": 64}\n'


def test_api_snippet(server: Server) -> None:
    (source,) = (snippet for snippet in snippets("python") if "/prompt" in snippet)
    code = source.replace("http://127.0.0.1:8188", server.url).replace(LOOP, SMALLER + LOOP)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    videos = [line for line in done.stdout.splitlines() if line.endswith(".mp4")]
    assert [line.split()[:2] for line in videos] == [["success", "video"]] * 2
    assert all((server.base / "output" / "video" / line.split()[2]).is_file() for line in videos)
