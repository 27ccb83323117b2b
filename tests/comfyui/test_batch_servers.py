"""A batch on real ComfyUI servers: every result there, with the right frames, whatever happens."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from animatex_core.batch.manifest import Manifest
from animatex_core.cli.main import main
from animatex_core.video.info import probe
from tests.comfyui.hosts import Host
from tests.comfyui.server import Server, free_port, serving
from tests.comfyui.workflow_samples import FOLDER, changed, read_prompt

pytestmark = [pytest.mark.one_host, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
INPUTS = FOLDER / "inputs"


class Pair:
    """Two servers; the second one can be killed and started again at its address."""

    def __init__(self, host: Host, folder: Path, stack: ExitStack) -> None:
        self._host, self._folder, self._stack = host, folder, stack
        self._port = free_port()
        self.first = stack.enter_context(serving(host, folder / "a"))
        self.second = self.start_second()

    def start_second(self) -> Server:
        self.second = self._stack.enter_context(serving(self._host, self._folder / "b", port=self._port))
        return self.second

    def kill_second(self) -> None:
        self.second.process.send_signal(signal.SIGKILL)
        self.second.process.wait()

    @property
    def both(self) -> tuple[Server, Server]:
        return self.first, self.second


@pytest.fixture(scope="module")
def pair(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if comfyui.dynamic_vram:
        pytest.skip("servers are used in the same way however they manage memory")
    with ExitStack() as stack:
        yield Pair(comfyui, tmp_path_factory.mktemp("servers"), stack)


@pytest.fixture
def newest(comfyui: Host) -> None:
    if comfyui.release < (0, 33):
        pytest.skip("tried on the newest ComfyUI only, since it takes minutes")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    small = {"AnimateXConditioning": {"width": 64, "height": 64}}
    graph = changed(read_prompt("few-steps"), **small)
    (tmp_path / "graph.json").write_text(json.dumps(graph), encoding="utf-8")
    return tmp_path


def write_list(folder: Path, rows: list[dict[str, Any]]) -> None:
    with (folder / "jobs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row(seed: int, frames: int = 2, **more: Any) -> dict[str, Any]:
    reference, driving = INPUTS / "animate-x-character.png", INPUTS / "animate-x-dance.mp4"
    return {"reference": reference, "driving": driving, "seed": seed, "frames": frames, **more}


def command(*servers: Server | str, out: str = "out") -> list[str]:
    urls = [server if isinstance(server, str) else server.url for server in servers]
    return ["batch", "jobs.csv", "--out", out, "--workflow", "graph.json", "--servers", *urls]


def started(*servers: Server) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "animatex_core", *command(*servers)], stderr=subprocess.PIPE, text=True
    )


def states() -> list[str]:
    with closing(Manifest(Path("out"), read_only=True)) as manifest:
        return [entry.state for entry in manifest.entries().values()]


def wait_until(condition: Any, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def queue_length(server: Server) -> int:
    return server.ask("/prompt")["exec_info"]["queue_remaining"]


def results() -> dict[str, int]:
    """Return the results and their numbers of frames."""
    return {path.name: probe(path).frames or 0 for path in sorted(Path("out").glob("*.mp4"))}


def name(seed: int) -> str:
    return f"animate-x-character-animate-x-dance-{seed}.mp4"


def test_jobs_run_once_on_either_server(pair: Pair, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_list(folder, [row(seed, frames=2 + seed % 2) for seed in range(6)])
    before = [len(server.ask("/history")) for server in pair.both]
    assert main(command(*pair.both)) == 0
    assert results() == {name(seed): 2 + seed % 2 for seed in range(6)}
    done = [len(server.ask("/history")) - start for server, start in zip(pair.both, before, strict=True)]
    assert sum(done) == 6
    assert min(done) > 0
    uploaded = [
        path.name for server in pair.both for path in (server.base / "input").glob("animatex-batch-*")
    ]
    assert len(uploaded) == 4
    assert len(set(uploaded)) == 2  # named by their content
    outputs = [path.read_bytes() for server in pair.both for path in (server.base / "output").rglob("*.mp4")]
    assert Path("out", name(3)).read_bytes() in outputs  # with the metadata that ComfyUI wrote
    capsys.readouterr()
    assert main(command(*pair.both)) == 0
    assert "0 to do, 6 done" in capsys.readouterr().out


@pytest.mark.usefixtures("newest")
def test_a_server_that_is_not_there_costs_nothing(
    pair: Pair, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_list(folder, [row(seed) for seed in (10, 11)])
    gone = f"http://127.0.0.1:{free_port()}"
    assert main(command(gone, pair.first)) == 0
    assert "does not answer" in capsys.readouterr().err
    assert list(results()) == [name(10), name(11)]
    assert main(command(gone, out="other")) == 2
    assert "None of the servers can be used" in capsys.readouterr().err


@pytest.mark.usefixtures("newest")
def test_what_servers_refuse_fails_with_their_reason(
    pair: Pair, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_list(folder, [row(20), row(21, frames=-5), row(22) | {"frames": "many"}])
    assert main(command(*pair.both)) == 2
    assert "row 4: frames is 'many', but it must be a whole number" in capsys.readouterr().err
    write_list(folder, [row(20), row(21, frames=-5)])
    assert main(command(*pair.both)) == 2
    assert "frames" in capsys.readouterr().err
    assert list(results()) == [name(20)]
    assert sorted(states()) == ["done", "failed"]
    graph = read_prompt("few-steps")
    graph["99"] = {"class_type": "NodeOfAnotherPack", "inputs": {}}
    Path("graph.json").write_text(json.dumps(graph), encoding="utf-8")
    assert main(command(*pair.both, out="other")) == 2
    said = capsys.readouterr().err
    assert said.count("has no NodeOfAnotherPack: install the node pack there") == 2


@pytest.mark.usefixtures("newest")
def test_a_killed_server_loses_no_job(pair: Pair, folder: Path) -> None:
    write_list(folder, [row(seed, frames=8) for seed in range(30, 36)])
    batch = started(*pair.both)
    wait_until(lambda: len(list(Path("out").glob("*.mp4"))) >= 2 and queue_length(pair.second) > 0)
    pair.kill_second()
    pair.start_second()
    _, said = batch.communicate(timeout=600)
    assert batch.returncode == 0, said
    assert results() == {name(seed): 8 for seed in range(30, 36)}
    assert set(states()) == {"done"}
    assert [queue_length(server) for server in pair.both] == [0, 0]


def test_a_killed_batch_finds_its_running_job_again(pair: Pair, folder: Path) -> None:
    write_list(folder, [row(seed, frames=16) for seed in range(40, 43)])
    before = len(pair.first.ask("/history"))
    batch = started(pair.first)
    wait_until(lambda: len(list(Path("out").glob("*.mp4"))) == 1 and queue_length(pair.first) > 0)
    batch.kill()
    batch.communicate()
    assert main(command(pair.first)) == 0
    assert results() == {name(seed): 16 for seed in range(40, 43)}
    assert len(pair.first.ask("/history")) - before == 3  # the job that ran was awaited, not repeated


@pytest.mark.usefixtures("newest")
def test_stopping_twice_leaves_nothing_in_any_queue(pair: Pair, folder: Path) -> None:
    write_list(folder, [row(seed, frames=16) for seed in range(50, 60)])
    batch = started(*pair.both)
    wait_until(lambda: all(map(queue_length, pair.both)))
    batch.send_signal(signal.SIGINT)
    time.sleep(0.3)
    batch.send_signal(signal.SIGINT)
    _, said = batch.communicate(timeout=300)
    assert batch.returncode == 130, said
    wait_until(lambda: not any(map(queue_length, pair.both)))
    last = [list(server.ask("/history").values())[-1] for server in pair.both]
    kinds = [{kind for kind, _ in entry["status"]["messages"]} for entry in last]
    assert any("execution_interrupted" in each for each in kinds)  # and not left to end by itself
    assert "running" not in states()
    assert len(results()) == states().count("done")
