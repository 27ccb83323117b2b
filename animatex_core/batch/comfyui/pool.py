"""Runs graphs on several ComfyUI servers at once; what happens to one of them costs no result."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

from ...errors import AnimateXError, InvalidInput, StorageError
from ..manifest import Entry, Manifest
from ..run import Note, Result, Stop
from .graph_job import GraphJob, await_result, fetch_result, upload_files
from .member import RETRY, Member, Report, Waiting
from .server import ComfyServer, Lost, Refused, Unreachable, connect

PATIENCE = 120.0  # seconds without any server after which the batch gives up
MAX_LOST = 3  # servers that a job may lose before it counts as failed: it may be what ends them


@dataclass(frozen=True)
class Listeners:
    """Who is told what.

    Attributes:
        note: Called with what happens to servers.
        report: Called as nodes proceed.
        result: Called as each job ends.

    """

    note: Note
    report: Report
    result: Callable[[Result], None]


def run_on_servers(
    jobs: Sequence[GraphJob],
    urls: Sequence[str],
    manifest: Manifest,
    listeners: Listeners,
    stop: Stop,
    *,
    known: Mapping[str, Entry],
    headers: Mapping[str, str],
    in_flight: int = 1,
) -> None:
    """Run graphs, each on the server with the shortest queue, and fetch their results at once.

    Args:
        jobs: What to run.
        urls: Addresses of the servers.
        manifest: Of the folder, which has the jobs already.
        listeners: Who is told what.
        stop: Looked at before every job; a KeyboardInterrupt cancels the graphs of this batch.
        known: Its entries before the jobs were added: graphs that a killed batch left running are awaited.
        headers: Sent with every request.
        in_flight: How many graphs one server has at a time.

    Raises:
        InvalidInput: No server can be used.
        StorageError: A result cannot be written.
        Unreachable: All servers are gone for too long.

    """
    pool = _Pool(manifest, listeners, stop, in_flight)
    asyncio.run(pool.run([Waiting.of(job, known) for job in jobs], urls, headers))


class _Pool:
    def __init__(self, manifest: Manifest, listeners: Listeners, stop: Stop, in_flight: int) -> None:
        self._manifest, self._tell, self._stop = manifest, listeners, stop
        self._in_flight = in_flight
        self._members: list[Member] = []
        self._waiting: deque[Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, jobs: Sequence[Waiting], urls: Sequence[str], headers: Mapping[str, str]) -> None:
        self._waiting.extend(jobs)
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(connect(url, headers)) for url in dict.fromkeys(urls)]
            self._members = await self._usable(servers)
            listening = [asyncio.create_task(member.listen(self._tell.report)) for member in self._members]
            try:
                await self._dispatch()
            finally:
                ending = [*self._running, *listening]
                for task in ending:
                    task.cancel()
                await asyncio.gather(*ending, return_exceptions=True)

    async def _usable(self, servers: Sequence[ComfyServer]) -> list[Member]:
        """Return the servers that have all nodes; tell why others are left out."""
        classes = {node["class_type"] for each in self._waiting for node in each.job.nodes.values()}
        members = []
        for server in servers:
            try:
                missing = await server.missing_classes(classes)
            except Unreachable as error:
                self._tell.note(f"{error} It is tried again while the batch runs.")
                members.append(Member(server, down=time.monotonic()))
            except Refused as error:
                self._tell.note(f"{error} It is left out.")
            else:
                members += self._with_all_nodes(server, missing)
        if all(member.down is not None for member in members):
            raise InvalidInput(
                "None of the servers can be used: start one, and check its address and its node packs."
            )
        return members

    def _with_all_nodes(self, server: ComfyServer, missing: set[str]) -> list[Member]:
        if not missing:
            return [Member(server)]
        names = ", ".join(sorted(missing))
        self._tell.note(f"{server.url} has no {names}: install the node pack there. It is left out.")
        return []

    async def _dispatch(self) -> None:
        """Give jobs to servers until all have ended, or nobody is there to do them."""
        last_seen = time.monotonic()
        while self._waiting or self._running:
            for member in self._members:
                await member.revive(self._tell.note)
            if any(member.down is None for member in self._members):
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > PATIENCE:
                raise Unreachable("No server answers any more: start the batch again when one does.")
            if self._stop.wanted:
                self._waiting.clear()
            await self._start_jobs()
            self._give_up()
            await self._await_change()

    async def _await_change(self) -> None:
        if not self._running:
            await asyncio.sleep(RETRY / 4 if self._waiting else 0)
            return
        done, self._running = await asyncio.wait(
            self._running, timeout=RETRY, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()  # raises what must end the batch

    async def _start_jobs(self) -> None:
        for waiting in list(self._waiting):
            if not any(map(self._is_free, self._members)):
                return
            member = await self._least_busy(waiting)
            if member is not None:
                self._waiting.remove(waiting)
                member.running += 1
                self._running.add(asyncio.create_task(self._do(member, waiting)))

    async def _least_busy(self, waiting: Waiting) -> Member | None:
        """Return the server with the shortest queue that may take a job; that of a graph left running."""
        free = [
            member
            for member in self._members
            if self._is_free(member) and member.server.url not in waiting.refused
        ]
        at_home = [member for member in free if waiting.place and member.server.url == waiting.place[0]]
        lengths = {member: await member.waiting(self._tell.note) for member in at_home or free}
        known = {member: length for member, length in lengths.items() if length is not None}
        return min(known, key=known.__getitem__) if known else None

    def _is_free(self, member: Member) -> bool:
        return member.down is None and member.running < self._in_flight

    def _give_up(self) -> None:
        """Let jobs fail that every server has refused, or that have cost too many."""
        for waiting in list(self._waiting):
            refused = all(member.server.url in waiting.refused for member in self._members)
            if refused or waiting.lost >= MAX_LOST:
                self._waiting.remove(waiting)
                reason = (
                    " ".join(waiting.refused.values()) if refused else "Too many servers were lost with it."
                )
                self._fail(waiting.job, reason, 0.0)

    async def _do(self, member: Member, waiting: Waiting) -> None:
        begin, job, server = time.monotonic(), waiting.job, member.server
        left = waiting.place[1] if waiting.place and waiting.place[0] == server.url else None
        prompt = left or str(uuid4())
        waiting.place, member.changed[prompt] = None, asyncio.Event()
        try:
            if left is None:
                await self._queue(server, job, prompt)
            outputs = await await_result(server, prompt, member.changed[prompt])
            await fetch_result(server, outputs, job)
            self._manifest.finish(job.name, time.monotonic() - begin, None)
            self._tell.result(Result(job.name, None, time.monotonic() - begin))
        except asyncio.CancelledError:
            self._manifest.wait(job.name)
            await server.cancel(prompt)
            raise
        except (Lost, Unreachable, Refused) as error:
            self._elsewhere(member, waiting, error, prompt)
            waiting.lost -= left is not None and isinstance(error, Lost)  # a killed batch is not its fault
        except AnimateXError as error:
            self._fail(job, str(error), time.monotonic() - begin)
            if isinstance(error, StorageError):  # the next results could not be written either
                raise
        finally:
            member.running -= 1
            del member.changed[prompt]

    async def _queue(self, server: ComfyServer, job: GraphJob, prompt: str) -> None:
        nodes = await upload_files(server, job)
        self._manifest.start(job.name, f"{server.url}#{prompt}")
        await server.queue(nodes, prompt)

    def _elsewhere(self, member: Member, waiting: Waiting, error: Exception, prompt: str) -> None:
        """Let a job wait again, for a server that has not refused it."""
        if isinstance(error, Refused):
            waiting.refused[member.server.url] = str(error)
            self._waiting.append(waiting)
            return
        waiting.lost += 1
        self._waiting.appendleft(waiting)
        if isinstance(error, Unreachable):
            member.left.append(prompt)
            member.mark_down(error, self._tell.note)
        else:
            self._tell.note(f"{error} {waiting.job.name} is queued again.")

    def _fail(self, job: GraphJob, reason: str, seconds: float) -> None:
        self._manifest.fail(job.name, reason, seconds)
        self._tell.result(Result(job.name, reason, seconds))
