"""`animatex batch`: every problem before the start, results equal to single runs, and nothing done twice."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from animatex_core.animate_x.animation import no_report
from animatex_core.batch.comfyui.graph import Graph
from animatex_core.batch.job_list import Row
from animatex_core.batch.manifest import Entry, Manifest
from animatex_core.cli.animation import read_whole_dance
from animatex_core.cli.batch_jobs import OF_DANCE, OF_REFERENCE
from animatex_core.cli.batch_servers import read_graph_jobs
from animatex_core.cli.inputs import read_reference
from animatex_core.cli.loop_options import cut_dance
from animatex_core.cli.main import build_parser, main
from animatex_core.cli.motion import find_dance
from animatex_core.utils.progress import no_progress
from animatex_core.video.info import probe
from tests.documents import ROOT, core_commands
from tests.support.dance_samples import DanceFiles, write_dance
from tests.support.drawings import draw_character

BOX = "0.1,0.1,0.9,0.9"
FAST = ["--size", "64x64", "--frames", "2", "--device", "cpu", "--model", "small"]


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    draw_character().rotate(180).save(tmp_path / "other.png")
    return write_dance(tmp_path)


def write_list(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a job list with the columns of all rows; paths are relative to it."""
    path = folder / "jobs.csv"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(**more: Any) -> dict[str, Any]:
    return {"reference": "character.png", "driving": "dance.mp4", "poses": "poses.json", "box": BOX, **more}


def entries(folder: Path) -> dict[str, Entry]:
    with closing(Manifest(folder, read_only=True)) as manifest:
        return manifest.entries()


def batch(jobs: Path, *more: str) -> list[str]:
    return ["batch", str(jobs), "--out", "out", *FAST, *more]


def test_results_are_those_of_single_runs(dance: DanceFiles) -> None:
    rows = [row(), row(seed=3, cut_out="no"), row(reference="other.png", retarget="align", drop="head")]
    jobs = write_list(dance.folder, [*rows, row(start="0.5", name="x") | {"name": ""}])
    assert main(batch(jobs)) == 2  # the column name is no option
    jobs = write_list(dance.folder, [*rows, row(start="0.5", seed=4)])
    assert main(batch(jobs)) == 0
    names = ["character-dance-0", "character-dance-3", "other-dance-0", "character-dance-4"]
    options: list[list[str]] = [[], ["--seed", "3"], ["--retarget", "align", "--drop", "head"]]
    options.append(["--start", "0.5", "--seed", "4"])
    for name, more in zip(names, options, strict=True):
        reference = dance.folder / f"{name.split('-')[0]}.png"
        single = [
            "animate",
            *dance.options(reference=reference, out="single.mp4"),
            "--box",
            BOX,
            *FAST,
            *more,
        ]
        assert main(single) == 0
        assert Path("out", f"{name}.mp4").read_bytes() == Path("single.mp4").read_bytes(), name
    assert {entry.state for entry in entries(Path("out")).values()} == {"done"}
    assert all(
        (entry.seconds or 0) > 0 and (entry.peak_bytes or 0) > 0 for entry in entries(Path("out")).values()
    )
    page = Path("out", "index.html").read_text(encoding="utf-8")
    assert page.count("<video") == 4
    assert Path("out", "contact-sheet.png").stat().st_size > 1000


def test_only_what_is_missing_or_changed_is_done(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = write_list(dance.folder, [row(), row(seed=1), row(reference="other.png")])
    assert main(batch(jobs, "--limit", "2")) == 0
    assert sorted(entry.state for entry in entries(Path("out")).values()) == ["done", "done", "waiting"]
    assert main(batch(jobs, "--dry-run")) == 0
    assert "3 jobs: 1 to do, 2 done; about" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.mp4")}
    draw_character().rotate(90).save("other.png")
    Path("out", "character-dance-1.mp4").unlink()
    assert main(batch(jobs)) == 0
    assert "2 to do (again 1 because result is gone), 1 done" in capsys.readouterr().out
    kept = Path("out", "character-dance-0.mp4")
    assert kept.stat().st_mtime_ns == before[kept]
    draw_character().save("other.png")
    assert main(batch(jobs)) == 0
    assert "1 to do (again 1 because inputs or settings changed), 2 done" in capsys.readouterr().out
    assert main(batch(jobs, "--device", "auto")) == 0  # where it runs does not change what comes out
    assert "0 to do, 3 done" in capsys.readouterr().out


def test_every_problem_is_told_with_its_row_before_anything_starts(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.png").write_bytes(b"no image")
    rows = [
        row(),
        row(reference="missing.png", seed=1),
        row(reference="broken.png", seed=2),
        row(driving="missing.mp4", seed=3),
        row(steps="many", seed=4),
        row(drop="wings", seed=5),
        row(seed=0),
        row(reference="", seed=6),
        row(cut_out="maybe", seed=7),
        row(prompt="a beach", seed=8),
        row(cut_out="yes", seed=9),
        row(mask="missing.png", seed=10),
        row(size="65x64", seed=11),
    ]
    assert main(batch(write_list(dance.folder, rows))) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert "has 12 problems, and nothing was started" in said[-13]
    assert [line.split(":")[0].strip() for line in said[-12:]] == [f"row {number}" for number in range(3, 15)]
    for part, line in zip(
        ("missing.png", "broken.png", "missing.mp4", "--steps", "wings", "like that of row 2", "'reference'"),
        said[-12:],
        strict=False,
    ):
        assert part in line
    assert not Path("out").exists()


def test_no_in_a_row_overrides_the_command_line(dance: DanceFiles) -> None:
    jobs = write_list(dance.folder, [row(silent="no"), row(seed=1)])
    assert main(batch(jobs, "--silent")) == 0
    sound = [probe(Path("out", f"character-dance-{seed}.mp4")).has_audio for seed in (0, 1)]
    assert sound == [True, False]


def test_files_of_others_are_kept(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out", "index.html").write_text("my own page")
    assert main(batch(write_list(dance.folder, [row()]))) == 2
    assert "index.html' exists, but this batch did not write it" in capsys.readouterr().err
    assert Path("out", "index.html").read_text() == "my own page"


def test_unknown_columns_are_told_once(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = write_list(dance.folder, [row(sede=number) for number in range(40)])
    assert main(batch(jobs)) == 2
    assert "row 2: the column 'sede' is no option of animate" in capsys.readouterr().err
    jobs.write_text("reference,out\ncharacter.png,x.mp4\n", encoding="utf-8")
    assert main(batch(jobs)) == 2
    assert "the column 'out' is no option" in capsys.readouterr().err


def test_a_job_that_fails_is_told_and_repeated(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (384, 512)).save("blank.png")
    jobs = write_list(dance.folder, [row(box="", mask="blank.png"), row(seed=1)])
    assert main(batch(jobs)) == 2
    assert "1 jobs failed" in capsys.readouterr().err
    found = entries(Path("out"))
    assert [found[f"character-dance-{seed}.mp4"].state for seed in (0, 1)] == ["failed", "done"]
    assert escape(found["character-dance-0.mp4"].error or "?") in Path("out", "index.html").read_text("utf-8")
    assert main(batch(jobs)) == 2
    assert "1 to do (again 1 because failed), 1 done" in capsys.readouterr().out


def test_folders_and_recordings(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("characters", "dances"):
        Path(name).mkdir()
    dance.character.rename("characters/rabbit.png")
    dance.clip.rename("dances/walk.mp4")
    folders = ["--references", "characters", "--drivings", "dances", "--name", "{driving}/{reference}"]
    command = ["batch", *folders, "--out", "out", *FAST, "--pose-nets", "small", "--retarget", "none"]
    assert main(command) == 0
    video = probe(Path("out", "walk", "rabbit.mp4"))
    assert (video.frames, video.width, video.has_audio) == (2, 64, True)
    assert main(["batch", "jobs.csv", *command[1:]]) == 2
    assert main(["batch", "--out", "out"]) == 2
    assert main(["batch", "--references", "characters", "--out", "out"]) == 2
    assert "belong together" in capsys.readouterr().err.splitlines()[-1]


def test_the_commands_in_the_documents_run(dance: DanceFiles) -> None:
    for name in ("characters", "dances"):
        Path(name).mkdir()
    shutil.copyfile(dance.character, "characters/rabbit.png")
    shutil.copyfile(dance.clip, "dances/walk.mp4")
    write_list(dance.folder, [row()])
    elsewhere = [
        line for line in core_commands("batches") if {"--servers", "--engine", "--results"} & set(line)
    ]
    lines = [line for line in core_commands("batches") if line not in elsewhere]
    assert len(lines) == 3
    on_cluster = [line for line in elsewhere if "--engine" in line]
    assert [build_parser(["batch"]).parse_args(line).engine for line in on_cluster] == ["ray"] * 2
    on_servers = [line for line in elsewhere if "--servers" in line]
    assert [build_parser(["batch"]).parse_args(line).workflow is None for line in on_servers] == [False] * 2
    assert [
        line for line in lines if main([*line, *FAST, "--pose-nets", "small", "--retarget", "none"])
    ] == []
    written = ("results/rabbit-walk-0.mp4", "results-of-list/dance/character-0.mp4")
    assert all(Path(name).exists() for name in written)


def test_servers_keep_the_seed_of_a_workflow_unless_one_is_given(dance: DanceFiles) -> None:
    graph = Graph.read(ROOT / "workflows" / "api" / "few-steps.json")
    named = {"reference": "character.png", "driving": "dance.mp4"}
    rows = [Row(2, named), Row(3, {**named, "seed": "5", "frames": "4"})]

    def names(*options: str) -> list[str]:
        command = ["batch", "jobs.csv", "--out", "out", "--name", "{reference}-{seed}-{frames}", *options]
        arguments = build_parser(["batch"]).parse_args(command)
        return [job.name for job in read_graph_jobs(rows, graph, arguments, dance.folder, "The list")]

    assert names() == [f"character-{graph.seed}-_.mp4", "character-5-4.mp4"]
    assert names("--seed", "9") == ["character-9-_.mp4", "character-5-4.mp4"]
    without = Graph({number: node for number, node in graph.nodes.items() if "seed" not in node["inputs"]})
    arguments = build_parser(["batch"]).parse_args(["batch", "jobs.csv", "--out", "out"])
    (job,) = read_graph_jobs(rows[:1], without, arguments, dance.folder, "The list")
    assert job.name == "character-dance-0.mp4"


def running(jobs: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "animatex_core", *batch(jobs)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    end = time.monotonic() + 300
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_batch_goes_on_with_what_ran(dance: DanceFiles) -> None:
    jobs = write_list(dance.folder, [row(seed=number) for number in range(4)])
    process = running(jobs)
    wait_for(Path("out", "character-dance-1.mp4"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = {name for name, entry in entries(Path("out")).items() if entry.state == "done"}
    assert "character-dance-0.mp4" in done
    before = {name: Path("out", name).stat().st_mtime_ns for name in done}
    assert main(batch(jobs)) == 0
    assert {name: Path("out", name).stat().st_mtime_ns for name in done} == before
    assert sorted(path.name for path in Path("out").glob("*.mp4")) == [
        f"character-dance-{number}.mp4" for number in range(4)
    ]
    assert not list(Path("out").glob("*.part"))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_finishes_the_job_that_runs(dance: DanceFiles) -> None:
    jobs = write_list(dance.folder, [row(seed=number) for number in range(20)])
    process = running(jobs)
    wait_for(Path("out", "character-dance-0.mp4"))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Stopping after this job" in said
    states = [entry.state for entry in entries(Path("out")).values()]
    assert set(states) == {"done", "waiting"}
    assert states.count("done") == len(list(Path("out").glob("*.mp4")))
    assert "<video" in Path("out", "index.html").read_text(encoding="utf-8")


class Recording(Namespace):
    """Arguments that note which of them are looked at."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            Namespace.__getattribute__(self, "__dict__").setdefault("_seen", set()).add(name)
        return Namespace.__getattribute__(self, name)


@pytest.fixture
def recorded(dance: DanceFiles) -> Recording:
    parsed = build_parser(["animate"]).parse_args(["animate", *dance.options(), *FAST])
    return Recording(
        **{
            **vars(parsed),
            "stride": 1,
            "poses": None,
            "pose_nets": "small",
            "loop": "ping-pong",
            "loop_min": 2,
            "finished": None,
        }
    )


def test_the_keys_of_what_is_shared_name_every_option_that_matters(recorded: Recording) -> None:
    cut_dance(recorded, read_whole_dance(recorded, find_dance(recorded), no_report), no_progress)
    assert recorded._seen <= set(OF_DANCE)
    recorded._seen.clear()
    read_reference(recorded)
    assert recorded._seen <= set(OF_REFERENCE)
