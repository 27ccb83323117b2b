"""What a pool knows of one of its servers, and the jobs that wait for one."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..manifest import Entry
from ..run import Note
from .graph_job import GraphJob
from .server import ComfyServer, Refused, Unreachable

RETRY = 2.0  # seconds between two attempts to reach a server that is gone

Report = Callable[[str, int, int], None]
"""Called with the address of a server, the steps done of its node and those there are."""


@dataclass(eq=False)
class Waiting:
    """A job that waits for a server.

    Attributes:
        job: The job.
        refused: Address of a server -> why it did not do the job.
        lost: How many servers were lost while it ran.
        place: Address and graph id where a killed batch has left it running.

    """

    job: GraphJob
    refused: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    place: tuple[str, str] | None = None

    @classmethod
    def of(cls, job: GraphJob, known: Mapping[str, Entry]) -> "Waiting":
        """Return a job with what the manifest knew of it before."""
        entry = known.get(job.name)
        if entry is None or entry.state != "running" or entry.digest != job.digest or not entry.place:
            return cls(job)
        url, _, prompt = entry.place.rpartition("#")
        return cls(job, place=(url, prompt))


@dataclass(eq=False)
class Member:
    """A server of a pool.

    Attributes:
        server: The server.
        running: How many jobs of this batch it has.
        down: When it was last found not to answer; None if it answers.
        left: Graphs to cancel when it is back.
        changed: Graph -> set when it may have ended.

    """

    server: ComfyServer
    running: int = 0
    down: float | None = None
    left: list[str] = field(default_factory=list)
    changed: dict[str, asyncio.Event] = field(default_factory=dict)

    def mark_down(self, error: Exception, note: Note) -> None:
        """Give no jobs to the server until `revive`."""
        if self.down is None:
            note(f"{error} Its jobs go to other servers.")
        self.down = time.monotonic()

    async def waiting(self, note: Note) -> int | None:
        """Return the length of the queue, of anybody's graphs; None if the server does not tell."""
        try:
            return await self.server.waiting()
        except (Unreachable, Refused) as error:
            self.mark_down(error, note)
            return None

    async def revive(self, note: Note) -> None:
        """Look whether the server is back, and cancel what it still has of this batch."""
        if self.down is None or time.monotonic() - self.down < RETRY:
            return
        if await self.waiting(note) is None:
            return
        while self.left:
            await self.server.cancel(self.left.pop())
        self.down = None
        note(f"{self.server.url} is back.")

    async def listen(self, report: Report) -> None:
        """Pass on the progress of the server, and wake those who wait for a graph; never ends."""
        while True:
            async for message in self.server.messages():
                data = message.get("data") or {}
                if message.get("type") == "progress":
                    report(self.server.url, int(data.get("value", 0)), int(data.get("max", 0)))
                elif data.get("prompt_id") in self.changed:
                    self.changed[data["prompt_id"]].set()
            await asyncio.sleep(RETRY)
