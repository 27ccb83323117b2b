"""Faults of batches with files at URLs: each of these tests fails, and says what is expected."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from animatex_core.batch.inputs import InputCache
from animatex_core.batch.plan import LOCAL, begun
from animatex_core.batch.results import RemoteResults, Results
from animatex_core.batch.storage import Storage
from animatex_core.errors import InvalidInput
from tests.batch.file_job import FileJob

TOKEN = "SECRET"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The host and port of a server with the files of the folder `there`."""
    (tmp_path / "there").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "there"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def finish(folder: Path, results: Results) -> None:
    """Do a batch of one job."""
    job = FileJob(folder, "a.txt")
    with begun(folder, [job], results=results) as (manifest, plan, _):
        for each in plan.waiting:
            manifest.start(each.name)
            with results.writing(each) as path:
                path.write_text("done")
            manifest.finish(each.name, 1.0, None)


@pytest.mark.parametrize("login", [f"me:{TOKEN}", f"me:a@{TOKEN}", f"me:a/{TOKEN}"])
def test_messages_have_no_password(login: str, address: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        InputCache(tmp_path / "cache").find(f"http://{login}@{address}/missing.png")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "login", [f"me:a@{TOKEN}@host", f"me:a/{TOKEN}@host", f"host/x?X-Amz-Signature={TOKEN}"]
)
def test_urls_are_shown_without_secrets(login: str) -> None:
    assert TOKEN not in Storage(f"https://{login}", "", InvalidInput).shown


def test_signed_urls_name_files_like_plain_ones(address: str, tmp_path: Path) -> None:
    (tmp_path / "there" / "rabbit.png").write_bytes(b"content")
    cache = InputCache(tmp_path / "cache")
    for query in (f"token=a.{TOKEN}.b", f"X-Amz-Credential=id/region&X-Amz-Signature={TOKEN}"):
        assert cache.find(f"http://{address}/rabbit.png?{query}").path.name == "rabbit.png"


def test_a_file_may_be_called_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"content")
    found = InputCache(tmp_path / "cache").find(f"file://{tmp_path}/lock")
    assert found.path.read_bytes() == b"content"


def test_uris_of_files_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"content")
    found = InputCache(tmp_path / "cache").find((tmp_path / "a b.png").as_uri())
    assert found.path.read_bytes() == b"content"


def test_results_go_back_to_an_earlier_place(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")
    for results in (LOCAL, there, LOCAL, there):
        finish(tmp_path / "out", results)


def test_a_file_of_another_batch_is_not_replaced(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")
    first, second = (FileJob(tmp_path / name, "a.txt") for name in ("1", "2"))
    with (
        begun(first.folder, [first], results=there),
        begun(second.folder, [second], results=there),  # before the first has written anything
    ):
        with there.writing(first) as path:
            path.write_text("first")
        with pytest.raises(InvalidInput), there.writing(second) as path:
            path.write_text("second")
    assert (tmp_path / "there" / "a.txt").read_text() == "first"


def test_folders_may_have_brackets(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    there = RemoteResults("memory://dances")
    job = FileJob(tmp_path, "walk [1080p]/a.txt")
    with there.writing(job) as path:
        path.write_text("done")
    assert there.sizes([job]) == {job.name: 4}
