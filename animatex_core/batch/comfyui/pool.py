"""Runs graphs on several ComfyUI servers at once; what happens to one of them costs no result."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

from ...errors import InvalidInput, StorageError
from ..manifest import Entry, Manifest
from ..run import Note, Result, Stop, sentence_of
from .answers import Lost, Refused, Unreachable
from .graph_job import GraphJob, await_result, fetch_result, upload_files
from .member import RETRY, Member, Report, Waiting, place_of
from .server import connect

PATIENCE = 120.0  # seconds after which a server that is gone counts no more, and without any the batch ends
MAX_LOST = 3  # times that a server may be lost with a job before this has failed: it may be what ends them


@dataclass(frozen=True)
class Listeners:
    """The callbacks of a pool.

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
        listeners: Called as the batch proceeds.
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
    waiting = [Waiting.of(job, known) for job in jobs]
    adopted = {each.place for each in waiting}
    places = (place_of(entry) for entry in known.values())
    left = [place for place in places if place is not None and place not in adopted]
    asyncio.run(pool.run(waiting, left, urls, headers))


class _Pool:
    def __init__(self, manifest: Manifest, listeners: Listeners, stop: Stop, in_flight: int) -> None:
        self._manifest, self._tell, self._stop = manifest, listeners, stop
        self._in_flight = in_flight
        self._members: list[Member] = []
        self._waiting: dict[int, Waiting] = {}  # by the number of the job, in order
        self._tried: set[int] = set()  # those of them that a server has refused or was lost with
        self._running: set[asyncio.Task[None]] = set()

    async def run(
        self,
        jobs: Sequence[Waiting],
        left: Sequence[tuple[str, str]],
        urls: Sequence[str],
        headers: Mapping[str, str],
    ) -> None:
        self._waiting = dict(enumerate(jobs))
        classes = {node["class_type"] for each in jobs for node in each.job.nodes.values()}
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(connect(url, headers)) for url in dict.fromkeys(urls)]
            found = [Member(server, classes) for server in servers]
            self._members = [each for each in found if await each.open(self._tell.note)]
            if all(member.down_since is not None for member in self._members):
                raise InvalidInput(
                    "None of the servers can be used: start one, and check its address and its node packs."
                )
            for url, prompt in left:
                self._leave(url, prompt)
            listening = [asyncio.create_task(member.listen(self._tell.report)) for member in self._members]
            try:
                self._adopt()
                await self._dispatch()
            finally:
                await self._end(listening)

    async def _end(self, listening: Sequence[asyncio.Task[None]]) -> None:
        """Stop everything, and cancel what servers still have of this batch."""
        for task in (*self._running, *listening):
            task.cancel()
        await asyncio.gather(*self._running, *listening, return_exceptions=True)
        await asyncio.gather(*(member.cancel_left() for member in self._members))

    def _leave(self, url: str, prompt: str) -> None:
        for member in self._members:
            if member.server.url == url:
                member.left.append(prompt)

    def _adopt(self) -> None:
        """Await the graphs that a killed batch has left running, each on its own server."""
        there = {member.server.url: member for member in self._members if member.down_since is None}
        for number, waiting in list(self._waiting.items()):
            if waiting.place is None:
                continue
            url, prompt = waiting.place
            if url in there:
                self._start(there[url], number, prompt)
            else:
                self._leave(url, prompt)

    async def _dispatch(self) -> None:
        """Give jobs to servers until all have ended, or nobody is there to do them."""
        last_seen = time.monotonic()
        while self._waiting or self._running:
            usable = await asyncio.gather(*(member.revive(self._tell.note) for member in self._members))
            self._members = [each for each, is_usable in zip(self._members, usable, strict=True) if is_usable]
            if any(member.down_since is None for member in self._members):
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > PATIENCE:
                raise Unreachable("No server answers any more: start the batch again when one does.")
            if self._stop.wanted:
                self._waiting.clear()
                self._tried.clear()
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
        """Give jobs to the free servers, first to that with the shortest queue."""
        free = [member for member in self._members if self._is_free(member)]
        for member in free:
            await member.cancel_left()
        asked = await asyncio.gather(*(member.waiting(self._tell.note) for member in free))
        lengths = {member: found for member, found in zip(free, asked, strict=True) if found is not None}
        for number, waiting in list(self._waiting.items()) if lengths else ():
            able = [member for member in lengths if member.server.url not in waiting.refused]
            if able:
                best = min(able, key=lambda each: (each.server.url in waiting.lost, lengths[each]))
                self._start(best, number)
                lengths[best] += 1
                lengths = {member: length for member, length in lengths.items() if self._is_free(member)}
            if not lengths:
                return

    def _is_free(self, member: Member) -> bool:
        return member.down_since is None and member.running < self._in_flight

    def _start(self, member: Member, number: int, left: str | None = None) -> None:
        waiting = self._waiting.pop(number)
        self._tried.discard(number)
        member.running += 1
        self._running.add(asyncio.create_task(self._do(member, number, waiting, left)))

    def _give_up(self) -> None:
        """Let jobs fail that every server has refused, or that have cost too many."""
        now = time.monotonic()
        there = [each for each in self._members if now - (each.down_since or now) < PATIENCE]
        for number in list(self._tried):
            waiting = self._waiting[number]
            refused = bool(waiting.refused) and all(each.server.url in waiting.refused for each in there)
            if refused or len(waiting.lost) >= MAX_LOST:
                self._tried.remove(number)
                del self._waiting[number]
                lost = f"A server was lost with it {MAX_LOST} times."
                self._fail(waiting.job, " ".join(waiting.refused.values()) if refused else lost, 0.0)

    async def _do(self, member: Member, number: int, waiting: Waiting, left: str | None) -> None:
        begin, job, server = time.monotonic(), waiting.job, member.server
        prompt = left or str(uuid4())
        waiting.place, member.changed[prompt] = None, asyncio.Event()
        try:
            nodes = None if left else await upload_files(server, job)
            self._manifest.start(job.name, f"{server.url}#{prompt}")
            if nodes is not None:
                await server.queue(nodes, prompt)
            outputs = await await_result(server, prompt, member.changed[prompt])
            await fetch_result(server, outputs, job)
            self._manifest.finish(job.name, time.monotonic() - begin, None)
            self._tell.result(Result(job.name, None, time.monotonic() - begin))
        except asyncio.CancelledError:
            self._manifest.wait(job.name)
            member.left.append(prompt)  # cancelled at the end, since this task can no longer wait for it
            raise
        except (Lost, Unreachable, Refused) as error:
            self._elsewhere(member, number, waiting, error, prompt, is_ours=left is None)
        except Exception as error:  # of any kind: the other jobs go on
            member.left.append(prompt)
            self._fail(job, sentence_of(error), time.monotonic() - begin)
            if isinstance(error, StorageError):  # the next results could not be written either
                raise
        finally:
            member.running -= 1
            del member.changed[prompt]

    def _elsewhere(
        self, member: Member, number: int, waiting: Waiting, error: Exception, prompt: str, *, is_ours: bool
    ) -> None:
        """Let a job wait again, for a server that has not refused it."""
        self._manifest.wait(waiting.job.name)
        self._waiting = {number: waiting, **self._waiting} if is_ours else {**self._waiting, number: waiting}
        self._tried.add(number)
        if isinstance(error, Refused):
            waiting.refused[member.server.url] = str(error)
            return
        if is_ours:  # what a killed batch left is not its fault
            waiting.lost.append(member.server.url)
        if isinstance(error, Unreachable):
            member.left.append(prompt)
            member.mark_down(error, self._tell.note)
        else:
            self._tell.note(f"{error} {waiting.job.name} is queued again.")

    def _fail(self, job: GraphJob, reason: str, seconds: float) -> None:
        self._manifest.fail(job.name, reason, seconds)
        self._tell.result(Result(job.name, reason, seconds))
