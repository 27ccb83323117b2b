"""`animate` in two processes of `torchrun`, on the CPU."""

import subprocess
import sys
from pathlib import Path

import pytest

from animatex_core.cli.main import main
from tests.support.dance_samples import DanceFiles, write_dance

ROOT = Path(__file__).parents[2]
TINY = {"size": "64x64", "frames": 6, "stride": 1, "steps": 2, "guidance": 2, "window": 4, "overlap": 1}


def options(dance: DanceFiles, out: Path) -> list[str]:
    return ["animate", *dance.options(**TINY, device="cpu", model="small", out=out)]


def launch(arguments: list[str], module: str = "animatex_core") -> subprocess.CompletedProcess:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


@pytest.mark.slow
def test_two_processes_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    dance, one, two = write_dance(tmp_path), tmp_path / "one", tmp_path / "two"
    assert main(options(dance, one)) == 0
    done = launch(options(dance, two), "tests.cli.ended_threads")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("6 frames of 64x64") == 1
    assert done.stderr.count("sampling: 0it") == 1
    images = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (one, two)]
    assert len(images[0]) == 6
    assert images[0] == images[1]

    again = launch(options(dance, two))
    assert again.returncode != 0
    assert again.stderr.count("animatex: The directory") == 1
    assert again.stdout == ""
