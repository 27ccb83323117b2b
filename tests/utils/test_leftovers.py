"""Temporary files of dead processes are removed, those of running ones are kept."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from animatex_core.pose.cache import PoseCache
from animatex_core.pose.keypoints import POINTS, PoseSequence
from animatex_core.utils.files import (
    MAX_IDLE,
    scratch_file,
    scratch_folder,
    sweep,
    temporary_path,
    write_text,
)

FOREIGN = "clip.mp4.deadbeef-1-5-00000000.part"  # of another machine
BEFORE = f"clip.mp4.{'0' * 32}.part"  # as earlier versions named them
THEIRS = (
    "movie.mkv.part",
    "model.safetensors.part",
    "clip.mp4.12-34.part",
    "clip.mp4.part.etag",
    f"{'0' * 32}.part.txt",
)


def age(path: Path, seconds: float) -> None:
    past = time.time() - seconds
    os.utime(path, (past, past))


def hold(target: Path, *, is_folder: bool) -> None:
    with (scratch_folder if is_folder else scratch_file)(target) as part:
        if is_folder:
            (part / "0000.png").touch()
        time.sleep(600)


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".part")


@pytest.mark.skipif(os.name == "nt", reason="there age alone tells that a writer is dead")
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_a_killed_process_left_goes_when_the_next_file_comes(tmp_path: Path, is_folder: bool) -> None:
    process = multiprocessing.Process(
        target=hold, args=(tmp_path / "clip.mp4",), kwargs={"is_folder": is_folder}
    )
    process.start()
    while not parts(tmp_path):
        time.sleep(0.01)
    write_text(tmp_path / "one.txt", "")
    assert len(parts(tmp_path)) == 1, "the file of a running process was removed"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    write_text(tmp_path / "two.txt", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.txt", "two.txt"]


@pytest.mark.parametrize("name", [FOREIGN, BEFORE])
def test_age_decides_if_the_process_cannot_be_looked_up(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    age(path, MAX_IDLE - 60)
    sweep(tmp_path)
    assert path.exists()
    age(path, MAX_IDLE + 60)
    sweep(tmp_path)
    assert not path.exists()


@pytest.mark.skipif(os.name == "nt", reason="there age alone tells that a writer is dead")
def test_a_running_process_keeps_its_file_however_old_that_is(tmp_path: Path) -> None:
    path = temporary_path(tmp_path / "clip.mp4")
    path.touch()
    age(path, 10 * MAX_IDLE)
    sweep(tmp_path)
    assert path.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux says when a process began")
def test_a_process_that_got_the_number_of_a_dead_one_keeps_nothing(tmp_path: Path) -> None:
    name = temporary_path(tmp_path / "clip.mp4").name
    machine, pid, start, random = name.removesuffix(".part").rpartition(".")[2].split("-")
    path = tmp_path / f"clip.mp4.{machine}-{pid}-{int(start) - 1}-{random}.part"
    path.touch()
    sweep(tmp_path)
    assert not path.exists()


def test_a_folder_in_which_another_machine_still_writes_stays(tmp_path: Path) -> None:
    folder = tmp_path / FOREIGN
    folder.mkdir()
    (folder / "0000.png").touch()
    age(folder, MAX_IDLE + 60)
    sweep(tmp_path)
    assert (folder / "0000.png").exists()
    age(folder / "0000.png", MAX_IDLE + 60)
    age(folder, MAX_IDLE + 60)
    sweep(tmp_path)
    assert not folder.exists()


@pytest.mark.parametrize("name", THEIRS)
def test_files_of_others_and_partial_downloads_stay(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    age(path, 10 * MAX_IDLE)
    sweep(tmp_path)
    assert path.exists()


def test_a_folder_that_is_none_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sweep(tmp_path / "file")
    sweep(tmp_path / "missing")


def test_names_are_our_own_and_short(tmp_path: Path) -> None:
    one, other = (temporary_path(tmp_path / ("x" * 200)) for _ in range(2))
    assert one != other
    assert len(one.name) < 120


def write_for_ever(folder: Path) -> None:
    points = np.random.default_rng(0).random((300, POINTS, 3), dtype=np.float32)
    while True:
        PoseCache(folder).put("0" * 64, PoseSequence.from_points(points, 640, 480, 24.0))


@pytest.mark.skipif(os.name == "nt", reason="there age alone tells that a writer is dead")
def test_the_pose_cache_is_clean_after_kills(tmp_path: Path) -> None:
    for _ in range(5):
        process = multiprocessing.Process(target=write_for_ever, args=(tmp_path,))
        process.start()
        while not any(tmp_path.iterdir()):
            time.sleep(0.01)
        time.sleep(0.05)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    PoseCache(tmp_path).get("0" * 64)
    assert parts(tmp_path) == []
