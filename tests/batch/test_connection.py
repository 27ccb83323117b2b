"""Ray where it is missing, not there or not meant: one sentence at once, and nothing is sent."""

import os
import re
import sys
from pathlib import Path

import pytest

from animatex_core.batch.cluster.connection import USAGE_STATS, _no_usage_stats, connected
from animatex_core.batch.cluster.crew import WorkerSize
from animatex_core.batch.cluster.engine import RayEngine
from animatex_core.batch.run import Stop
from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput, MissingDependency
from tests.batch.gated import GatedJob, GatedTask


@pytest.mark.parametrize(
    "options",
    [
        ["batch", "jobs.csv", "--gpus-per-actor", "0.5"],
        ["batch", "jobs.csv", "--engine", "ray", "--servers", "http://127.0.0.1:1", "--workflow", "x.json"],
        ["batch", "jobs.csv", "--engine", "ray", "--gpus-per-actor", "0.5"],
        ["evaluate", "small", "--address", "auto"],
        ["prepare", "clips", "--engine", "ray", "--gpus-per-actor", "0.5"],
    ],
)
def test_options_without_effect_are_refused(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    device = [] if "--servers" in options else ["--device", "cpu"]
    assert main([*options, "--out", "out", *device]) == 2
    assert re.search("is for --engine ray|use one of them|does nothing with", capsys.readouterr().err)


def test_ray_is_asked_for_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    engine = RayEngine(WorkerSize(), None, print, print)
    with pytest.raises(MissingDependency, match=r"pip install 'ray\[client\]"):
        list(engine.run(GatedTask(tmp_path), [GatedJob(tmp_path, "job-0")], Stop(print)))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere", "127.0.0.1:99999", ":1"])
def test_wrong_addresses_are_told_at_once(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray[client]'")
    with pytest.raises(InvalidInput, match=r"Nothing answers at|is not the address"), connected(address):
        pass


def test_no_statistics_are_sent_unless_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(USAGE_STATS, raising=False)
    with _no_usage_stats():
        assert os.environ[USAGE_STATS] == "0"
    assert USAGE_STATS not in os.environ
    monkeypatch.setenv(USAGE_STATS, "1")
    with _no_usage_stats():
        assert os.environ[USAGE_STATS] == "1"


def test_an_empty_variable_names_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray[client]'")
    asked: list[str] = []
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setattr(ray, "init", lambda address, **_: asked.append(address))
    with connected(None):
        assert asked == ["local"]
