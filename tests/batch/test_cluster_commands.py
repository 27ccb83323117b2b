"""`evaluate` and `prepare` on a real Ray cluster of two nodes: bytes as here, also if a node dies."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from animatex_core.cli import preparation
from animatex_core.cli.main import main
from tests.batch.gated import wait_until
from tests.batch.gated_preparation import GATE, STARTED, open_gated
from tests.batch.ray_cluster import alongside, ray_cluster
from tests.evaluation.benchmark_samples import contents, options, write_set
from tests.support.dance_samples import write_dance

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Ray's clusters of several nodes need Linux or macOS"),
]
PREPARE = ("--size", "64x64", "--fps", "12", "--least", "4", "--most", "8", "--device", "cpu")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_cluster(2) as started:
        yield started


@pytest.fixture
def on_cluster(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that select the cluster, whose nodes do not know the models folder."""
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return ["--engine", "ray", "--address", cluster.address]


def test_evaluations_are_those_of_one_machine(
    on_cluster: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "poses" / "b.json").unlink()
    systems = ["small", "theirs=set/clips", "--set", "set", "--setting", "self-driven"]
    here, there = tmp_path / "here", tmp_path / "there"
    assert main(options(here, *systems)) == 0
    table = capsys.readouterr().out.replace(str(here), str(there))
    assert "b.json is missing" in table
    assert main(options(there, *systems, *on_cluster)) == 0
    assert capsys.readouterr().out == table
    found, expected = contents(there), contents(here)
    assert found == expected


def prepare(out: str, *more: str) -> int:
    return main(["prepare", "clips", "--out", out, *PREPARE, "--encoders", "generated", *more])


def test_prepare_loses_a_node_and_no_video(
    cluster: Any, on_cluster: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dance = write_dance(tmp_path)
    Path("clips").mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(dance.clip, Path("clips", f"{name}.mp4"))
        shutil.copy(dance.poses, Path("clips", f"{name}.json"))
    Path("clips", "c.mp4").write_bytes(b"no video")
    assert prepare("here") == 0
    monkeypatch.setattr(preparation, "_open_elsewhere", open_gated)

    def sabotage() -> None:
        try:
            wait_until(
                lambda: sum(bool(path.read_text()) for path in tmp_path.glob(f"{STARTED}*")) == 2
            )  # one on each node
            victim = next(each for each in cluster.list_all_nodes() if each is not cluster.head_node)
            cluster.remove_node(victim, allow_graceful=False)  # SIGKILL; its workers notice it later
            (marker,) = tmp_path.glob(f"{STARTED}*-{victim.node_id}")
            with suppress(ProcessLookupError):
                os.kill(int(marker.read_text()), signal.SIGKILL)
        finally:
            Path(GATE).touch()

    assert alongside(lambda: prepare("there", *on_cluster), sabotage) == 0
    found = contents(Path("there"))
    assert found == contents(Path("here"))
    assert b"not a readable video" in found["report.json"]
    started = [path.name.removeprefix(STARTED).partition("-")[0] for path in tmp_path.glob(f"{STARTED}*")]
    assert sorted(set(started)) == ["a", "b", "c"]
    assert len(started) == 4  # what the dead node was at, again elsewhere
