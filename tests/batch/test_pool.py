"""The pool against servers that speak as ComfyUI does, and misbehave in ways that a real one rarely shows."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

web = pytest.importorskip("aiohttp.web")

from animatex_core.batch.comfyui import pool  # noqa: E402
from animatex_core.batch.comfyui.graph import Upload  # noqa: E402
from animatex_core.batch.comfyui.graph_job import GraphJob  # noqa: E402
from animatex_core.batch.comfyui.pool import Listeners, run_on_servers  # noqa: E402
from animatex_core.batch.manifest import Entry, Manifest  # noqa: E402
from animatex_core.batch.run import Result, Stop  # noqa: E402

GONE = "http://127.0.0.1:9"  # the discard port, where nobody listens


@dataclass
class FakeComfy:
    """A server. refuses: its answer to graphs. full: has no room. half_valid: runs a part of graphs."""

    refuses: dict[str, Any] | None = None
    full: bool = False
    half_valid: bool = False
    ran: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    cancelled: list[str] = field(default_factory=list)
    url: str = ""

    def app(self) -> Any:
        app = web.Application()
        app.add_routes(
            [
                web.get("/prompt", self.length),
                web.post("/prompt", self.take),
                web.get("/object_info", self.classes),
                web.get("/history/{id}", self.history),
                web.get("/queue", self.queue),
                web.post("/queue", self.delete),
                web.post("/interrupt", self.interrupt),
                web.post("/upload/image", self.upload),
                web.get("/view", self.view),
            ]
        )
        return app

    async def length(self, _: Any) -> Any:
        return web.json_response({"exec_info": {"queue_remaining": len(self.running)}})

    async def classes(self, _: Any) -> Any:
        return web.json_response({"Node": {}})

    async def interrupt(self, _: Any) -> Any:
        return web.Response()

    async def take(self, request: Any) -> Any:
        prompt = (await request.json())["prompt_id"]
        if self.refuses is not None:
            return web.json_response(self.refuses, status=400)
        self.ran.append(prompt)
        errors = {"1": {"errors": [{"message": "Bad", "details": "steps"}]}} if self.half_valid else {}
        return web.json_response({"prompt_id": prompt, "node_errors": errors})

    async def history(self, request: Any) -> Any:
        prompt = request.match_info["id"]
        if prompt not in self.ran:
            return web.json_response({})
        files = [{"filename": "result.mp4", "subfolder": "", "type": "output"}]
        done = {"status": {"status_str": "success", "messages": []}, "outputs": {"1": {"images": files}}}
        return web.json_response({prompt: done})

    async def queue(self, _: Any) -> Any:
        return web.json_response({"queue_running": [[0, each] for each in self.running], "queue_pending": []})

    async def delete(self, request: Any) -> Any:
        self.cancelled += (await request.json())["delete"]
        return web.Response()

    async def upload(self, _: Any) -> Any:
        return web.Response(status=500 if self.full else 400)

    async def view(self, request: Any) -> Any:
        if request.query.get("type") == "input":
            return web.Response(status=404)
        return web.Response(body=b"a video")


@contextmanager
def serving(*servers: FakeComfy) -> Iterator[None]:
    """Serve from a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()

    async def start() -> None:
        for server in servers:
            runner = web.AppRunner(server.app())
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def run(
    folder: Path, jobs: list[GraphJob], *urls: str, known: dict[str, Entry] | None = None
) -> tuple[dict[str, str | None], list[str]]:
    """Run jobs, and return their errors and the notes about servers."""
    results: list[Result] = []
    notes: list[str] = []
    listeners = Listeners(notes.append, lambda *_: None, results.append)
    with closing(Manifest(folder)) as manifest:
        manifest.add({job.name: job.digest for job in jobs})
        run_on_servers(jobs, urls, manifest, listeners, Stop(print), known=known or {}, headers={})
    return {result.name: result.error for result in results}, notes


def jobs_in(folder: Path, count: int, **inputs: Any) -> list[GraphJob]:
    nodes = {"1": {"class_type": "Node", "inputs": inputs}}
    return [GraphJob(f"{number}.mp4", folder / f"{number}.mp4", "digest", nodes) for number in range(count)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 1.0)


def test_a_refused_job_does_not_wait_for_a_server_that_is_gone(tmp_path: Path) -> None:
    server = FakeComfy(refuses={"error": {"message": "Bad", "details": "frames"}, "node_errors": {}})
    with serving(server):
        errors, _ = run(tmp_path, jobs_in(tmp_path, 1), server.url, GONE)
    assert "Bad frames" in (errors["0.mp4"] or "")


def test_a_server_without_room_fails_no_job_that_another_can_do(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"image")
    full, other = FakeComfy(full=True), FakeComfy(full=True)
    with serving(full, other):
        errors, _ = run(tmp_path, jobs_in(tmp_path, 2, image=Upload(tmp_path / "a.png")), full.url, other.url)
        assert all("see its log, and its disk space" in (error or "") for error in errors.values())
        errors, _ = run(tmp_path, jobs_in(tmp_path, 4), full.url, other.url)  # without a file
    assert errors == {f"{number}.mp4": None for number in range(4)}
    assert len(full.ran) + len(other.ran) == 4


def test_a_graph_that_is_valid_in_part_is_refused(tmp_path: Path) -> None:
    server = FakeComfy(half_valid=True)
    with serving(server):
        errors, _ = run(tmp_path, jobs_in(tmp_path, 1), server.url)
    assert "Bad: steps" in (errors["0.mp4"] or "")
    assert server.cancelled == server.ran


def test_a_graph_left_by_a_killed_batch_is_awaited_where_it_is(tmp_path: Path) -> None:
    home, other = FakeComfy(ran=["left"]), FakeComfy()
    with serving(home, other):
        known = {"3.mp4": Entry("3.mp4", "running", "digest", place=f"{home.url}#left")}
        gone = {"9.mp4": Entry("9.mp4", "running", "digest", place=f"{home.url}#of-a-deleted-row")}
        errors, _ = run(tmp_path, jobs_in(tmp_path, 4), other.url, home.url, known={**known, **gone})
    assert errors == {f"{number}.mp4": None for number in range(4)}
    assert len(other.ran) + len(home.ran) == 4  # three new ones, and the one that was there
    assert "of-a-deleted-row" in home.cancelled


def test_missing_input_files_fail_their_job_alone(tmp_path: Path) -> None:
    server = FakeComfy()
    with serving(server):
        broken = jobs_in(tmp_path, 1, image=Upload(tmp_path / "gone.png"))
        fine = jobs_in(tmp_path, 3)[1:]
        errors, _ = run(tmp_path, [*broken, *fine], server.url)
    assert "gone.png" in (errors["0.mp4"] or "")
    assert errors["1.mp4"] is errors["2.mp4"] is None
