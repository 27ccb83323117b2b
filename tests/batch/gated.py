"""Jobs that wait until a file appears, so that tests decide what runs when a node of a cluster dies."""

import os
import signal
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from animatex_core.errors import InvalidInput, StorageError, warn
from tests.batch.file_job import FileJob

PATIENCE = 60  # seconds


@dataclass(frozen=True)
class GatedJob(FileJob):
    """A job that writes the node on which it ran. Its name begins with what it does besides."""

    @property
    def dance_key(self) -> str:
        return self.name


@dataclass(frozen=True)
class GatedTask:
    """Does gated jobs, and is its own worker.

    Attributes:
        folder: Where each start leaves a file with the name of its node, and where the gate is looked for.

    """

    folder: Path

    def model_key(self, job: GatedJob) -> Hashable:
        return ""

    def shared_key(self, job: GatedJob) -> Hashable:
        return job.name if job.name.startswith("unprepared") else job.name[-1]

    def prepare(self, job: GatedJob) -> dict[str, Any]:
        if job.name.startswith("unprepared-crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        if job.name.startswith("unprepared"):
            raise InvalidInput("The dance is empty.")
        return {"dance": job.name[-1]}

    def open(self) -> "GatedTask":
        return self

    def check_place(self) -> None:
        if (self.folder / f"refused-{node()}").exists():
            raise InvalidInput("It is refused.")

    def do(self, job: GatedJob, shared: Callable[[], Any]) -> None:
        (self.folder / f"gpus-{job.name}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        (self.folder / f"start-{job.name}-{time.monotonic_ns()}").write_text(node())
        if job.name.startswith("crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        if job.name.startswith("blank"):
            warn("The picture is odd.")
            raise InvalidInput("The picture is blank.")
        if job.name.startswith("full"):
            raise StorageError("The disk is full.")
        assert shared() == {"dance": job.name[-1]}
        assert shared() is shared()
        wait_until(self.gate.exists)
        job.out.write_text(node())

    def peak(self) -> int | None:
        return 1

    def close(self) -> None:
        (self.folder / f"closed-{node()}").touch()

    @property
    def gate(self) -> Path:
        """The file that lets jobs go on."""
        return self.folder / "gate"

    def gpus(self) -> set[str]:
        """Return the GPUs that workers see."""
        return {path.read_text() for path in self.folder.glob("gpus-*")}

    def started(self) -> dict[str, list[str]]:
        """Return the names of jobs -> the nodes on which they were started."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.glob("start-*"), key=lambda each: each.name.rpartition("-")[2]):
            if text := path.read_text():  # empty while it is written
                found.setdefault(path.name.removeprefix("start-").rpartition("-")[0], []).append(text)
        return found


def node() -> str:
    """Return what Ray calls the node of this process."""
    return str(import_module("ray").get_runtime_context().get_node_id())


def wait_until(is_so: Callable[[], Any]) -> None:
    """Wait until something is so; a test that waits in vain fails."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
