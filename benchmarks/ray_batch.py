"""Measure how much faster two workers of a Ray cluster sample than one, with one thread each.

python -m benchmarks.ray_batch [--jobs 6] [--frames 16] [--size 128x192] [--steps 20]

Every worker does some jobs after a first one, which loads models and is not counted. A worker's rate is its
counted jobs, divided by the time from the begin of the first to the end of the last. The efficiency is the
rate of both workers together, divided by twice that of one. The same is printed for the CPU time of their
processes, which other programs on the machine change less.
"""

import argparse
import json
import os
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from animatex_core.assets import ASSETS
from animatex_core.assets.demo_files import CLIP
from animatex_core.batch.cluster.crew import WorkerSize
from animatex_core.batch.cluster.engine import RayEngine
from animatex_core.batch.inputs import InputCache
from animatex_core.batch.job_list import Row
from animatex_core.batch.plan import begun
from animatex_core.batch.run import Stop, record
from animatex_core.cli.batch_jobs import AnimationJob, JobReader
from animatex_core.cli.batch_work import AnimationTask, AnimationWorker
from animatex_core.cli.engines import prepare_for_cluster
from animatex_core.cli.main import build_parser

OBJECT_STORE = 100 << 20


@dataclass(frozen=True)
class TimedTask:
    """Animates, and writes the times of each job next to its result."""

    task: AnimationTask

    def model_key(self, job: AnimationJob) -> Hashable:
        """See `Task`."""
        return self.task.model_key(job)

    def shared_key(self, job: AnimationJob) -> Hashable:
        """See `Task`."""
        return self.task.shared_key(job)

    def prepare(self, job: AnimationJob) -> Any:
        """See `Task`."""
        return self.task.prepare(job)

    def open(self) -> "TimedWorker":
        """See `Task`."""
        return TimedWorker(self.task.open())

    def check_place(self) -> None:
        """See `Task`."""
        self.task.check_place()


class TimedWorker:
    """A worker that notes wall time and CPU time."""

    def __init__(self, worker: AnimationWorker) -> None:
        self._worker = worker

    def do(self, job: AnimationJob, shared: Callable[[], Any]) -> None:
        """Make one animation."""
        begin, cpu = time.time(), time.process_time()
        self._worker.do(job, shared)
        times = [os.getpid(), begin, time.time(), time.process_time() - cpu]
        job.out.with_suffix(".json").write_text(json.dumps(times))

    def close(self) -> None:
        """See `Worker`."""
        self._worker.close()

    def peak(self) -> int | None:
        """See `Worker`."""
        return self._worker.peak()


def rates(folder: Path) -> tuple[int, float, float]:
    """Return the number of workers, and their jobs in a second and in a CPU second of each."""
    found = defaultdict(list)
    for path in folder.rglob("*.json"):
        worker, *times = json.loads(path.read_text())
        found[worker].append(times)
    counted = [sorted(jobs)[1:] for jobs in found.values()]
    wall = sum(len(jobs) / (jobs[-1][1] - jobs[0][0]) for jobs in counted)
    return len(counted), wall, sum(len(jobs) / sum(cpu for *_, cpu in jobs) for jobs in counted)


def measured(arguments: Namespace, workers: int, folder: Path) -> tuple[float, float]:
    """Run a batch on a new cluster with a CPU for each worker, and return the rates."""
    ray = import_module("ray")
    options = ["--frames", arguments.frames, "--size", arguments.size, "--steps", arguments.steps]
    words = ["batch", "--out", str(folder), "--engine", "ray", "--device", "cpu", "--model", "small"]
    usual = prepare_for_cluster(build_parser(["batch"]).parse_args([*words, *options]))
    reference = next((ASSETS / "demo" / "characters").glob("*.png"))
    values = {"reference": str(reference), "driving": str(CLIP)}
    rows = [Row(seed, {**values, "seed": seed}) for seed in range((arguments.jobs + 1) * workers)]
    jobs = JobReader(usual, folder, InputCache.new()).read(rows, "The benchmark")
    ray.init("local", num_cpus=workers, include_dashboard=False, object_store_memory=OBJECT_STORE)
    try:
        with begun(folder, jobs) as (manifest, plan, _):
            engine = RayEngine(WorkerSize(0.0, 1), None, print, lambda count: None)
            with closing(engine.run(TimedTask(AnimationTask(folder)), plan.waiting, Stop(print))) as events:
                failed = [result.sentence for result in record(events, manifest) if result.error]
    finally:
        ray.shutdown()
    assert not failed, failed
    found, wall, cpu = rates(folder)
    assert found == workers, f"{found} workers worked"
    print(f"{workers} workers: {wall:.3f} jobs per second, {cpu:.3f} jobs per CPU second of each")
    return wall, cpu


def main() -> None:
    """Print the rates of one and two workers, and the efficiencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--frames", default="16")
    parser.add_argument("--size", default="128x192")
    parser.add_argument("--steps", default="20")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        one, two = (measured(arguments, workers, Path(name) / str(workers)) for workers in (1, 2))
    for kind, alone, together in zip(("wall time", "CPU time"), one, two, strict=True):
        print(f"efficiency by {kind}: {together / (2 * alone):.2f}")


if __name__ == "__main__":
    main()
