"""Measure a batch of 8 characters x 5 dances against 40 runs of `animate`, and kill it many times.

python -m benchmarks.batch [--kills 10] [--frames 8] [--size 128x192]

Both print wall and CPU time. Results are compared byte by byte. Then a batch is killed at random moments and
started again each time: its results must be the same, too.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from PIL import Image, ImageOps

from animatex_core.assets import ASSETS
from animatex_core.assets.demo_files import CLIP

CHARACTERS = ASSETS / "demo" / "characters"
STARTS = (0.0, 0.2, 0.4, 0.6, 0.8)  # seconds, five different parts of one dance
COMMAND = [sys.executable, "-m", "animatex_core"]
BATCH = [*COMMAND, "batch", "jobs.csv", "--name", "{reference}-{start}"]


@dataclass(frozen=True)
class Time:
    """Seconds that something took."""

    wall: float
    cpu: float


def timed(command: Sequence[str], folder: Path) -> Time:
    """Run a command in a folder, with a cache of poses of its own there."""
    begin, before = time.perf_counter(), psutil.Process().cpu_times()
    environment = {**os.environ, "HOME": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = psutil.Process().cpu_times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Time(time.perf_counter() - begin, spent)


def write_jobs(folder: Path) -> list[dict[str, str]]:
    """Write the characters, their mirror images and the job list."""
    images = sorted(CHARACTERS.glob("*.png"))
    for path in images:
        image = Image.open(path)
        image.save(folder / path.name)
        ImageOps.mirror(image).save(folder / f"mirrored-{path.name}")
    names = sorted(path.name for path in folder.glob("*.png"))
    rows = [
        {"reference": name, "driving": str(CLIP), "start": str(start)} for start in STARTS for name in names
    ]
    with (folder / "jobs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def results(folder: Path) -> dict[str, bytes]:
    """Return the results of a batch by name."""
    return {path.name: path.read_bytes() for path in folder.glob("*.mp4")}


def name_of(row: dict[str, str]) -> str:
    """Return the name that --name gives to a result."""
    return f"{Path(row['reference']).stem}-{row['start']}.mp4"


def single_run(row: dict[str, str], options: Sequence[str]) -> list[str]:
    """Return the command that does a row alone."""
    own = [f"--{key}={value}" for key, value in row.items()]
    return [*COMMAND, "animate", *own, *options, f"--out={name_of(row)}"]


def killed(command: Sequence[str], folder: Path, seconds: float) -> bool:
    """Start a batch and kill it after a while; returns whether it was still running."""
    environment = {**os.environ, "HOME": str(folder)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False


def compare_with_single_runs(folder: Path, frames: str = "8", size: str = "128x192") -> tuple[Time, Time]:
    """Return the time of a batch in a new folder, and of its jobs one by one."""
    options = settings(frames, size)
    rows = write_jobs(folder)
    together = timed([*BATCH, *options, "--out", "together"], folder)
    one_by_one = [timed(single_run(row, options), folder) for row in rows]
    return together, Time(sum(each.wall for each in one_by_one), sum(each.cpu for each in one_by_one))


def settings(frames: str, size: str) -> list[str]:
    """Return the options of all runs."""
    return ["--frames", frames, "--size", size, "--model", "small", "--device", "cpu"]


def main() -> None:
    """Print both times and their ratio, and what became of the killed batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--frames", default="8")
    parser.add_argument("--size", default="128x192")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        together, single = compare_with_single_runs(folder, arguments.frames, arguments.size)
        batch = [*BATCH, *settings(arguments.frames, arguments.size), "--out"]
        done = results(folder / "together")
        print(f"batch: {together.wall:.0f} s, {together.cpu:.0f} s of CPU")
        print(f"single runs: {single.wall:.0f} s, {single.cpu:.0f} s of CPU")
        print(f"ratios: {together.wall / single.wall:.2f}, {together.cpu / single.cpu:.2f} of CPU")
        equal = sum(results(folder)[key] == value for key, value in done.items())
        print(f"equal results: {equal} of {len(done)}")
        draw, kills = np.random.default_rng(0), 0
        for _ in range(arguments.kills):
            kills += killed([*batch, "killed"], folder, draw.uniform(5, 5 + together.wall / 5))
        timed([*batch, "killed"], folder)
        same = results(folder / "killed") == done
        print(f"killed {kills} times: {'the same results' if same else 'OTHER RESULTS'}")


if __name__ == "__main__":
    main()
