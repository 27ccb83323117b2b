"""What a pool knows of one of its servers, and the jobs that wait for one."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..manifest import Entry
from ..run import Note
from .answers import Refused, Unreachable
from .graph_job import GraphJob
from .server import ComfyServer

RETRY = 2.0  # seconds between two attempts to reach a server that is gone

Report = Callable[[str, int, int], None]
"""Called with the address of a server, the steps done of its node and those there are."""


@dataclass(eq=False)
class Waiting:
    """A job that waits for a server.

    Attributes:
        job: The job.
        refused: Address of a server -> why it did not do the job.
        lost: Addresses of the servers that were lost while they had it, one for each time.
        place: Address and graph id where a killed batch has left it running.

    """

    job: GraphJob
    refused: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    place: tuple[str, str] | None = None

    @classmethod
    def of(cls, job: GraphJob, known: Mapping[str, Entry]) -> "Waiting":
        """Return a job with what the manifest knew of it before."""
        entry = known.get(job.name)
        return cls(job, place=place_of(entry) if entry is not None and entry.digest == job.digest else None)


def place_of(entry: Entry) -> tuple[str, str] | None:
    """Return the address and the id of the graph that a killed batch has left running, None without any."""
    if entry.state != "running" or not entry.place:
        return None
    url, _, prompt = entry.place.rpartition("#")
    return url, prompt


@dataclass(eq=False)
class Member:
    """A server of a pool.

    Attributes:
        server: The server.
        classes: Of all nodes that the jobs need; None once the server is known to have them.
        running: How many jobs of this batch it has.
        down_since: When it stopped to answer; None if it answers.
        asked: When it was last asked whether it is back.
        left: Graphs of this batch that it must not run any more.
        changed: Graph -> set when it may have ended.

    """

    server: ComfyServer
    classes: set[str] | None
    running: int = 0
    down_since: float | None = None
    asked: float = 0.0
    left: list[str] = field(default_factory=list)
    changed: dict[str, asyncio.Event] = field(default_factory=dict)

    async def open(self, note: Note) -> bool:
        """Look what the server has; False if it cannot be used. One that does not answer may come back."""
        if self.classes is None:
            return True
        try:
            missing = await self.server.missing_classes(self.classes)
        except Unreachable as error:
            note(f"{error} It is tried again while the batch runs.")
            self.down_since = self.asked = time.monotonic()
            return True
        except Refused as error:
            note(f"{error} It is left out.")
            return False
        if missing:
            names = ", ".join(sorted(missing))
            note(f"{self.server.url} has no {names}: install the node pack there. It is left out.")
            return False
        self.classes = None
        return True

    def mark_down(self, error: Exception, note: Note) -> None:
        """Give no jobs to the server until `revive`."""
        if self.down_since is None:
            note(f"{error} Its jobs go to other servers.")
            self.down_since = time.monotonic()
        self.asked = time.monotonic()

    async def waiting(self, note: Note) -> int | None:
        """Return the length of the queue, of anybody's graphs; None if the server does not tell."""
        try:
            return await self.server.waiting()
        except (Unreachable, Refused) as error:
            self.mark_down(error, note)
            return None

    async def revive(self, note: Note) -> bool:
        """Look whether a server that was gone is back; False if it is, and cannot be used."""
        if self.down_since is None or time.monotonic() - self.asked < RETRY:
            return True
        if await self.waiting(note) is None:
            return True
        self.server.forget_uploads()
        self.down_since = None
        note(f"{self.server.url} is back.")
        return await self.open(note)

    async def cancel_left(self) -> None:
        """Cancel what the server must not run any more."""
        while self.left:
            await self.server.cancel(self.left.pop())

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
