"""Inputs at URLs: fetched once, bounded, and gone at the end."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from animatex_core.batch.inputs import InputCache
from animatex_core.batch.storage import is_url
from animatex_core.errors import InvalidInput


@pytest.fixture
def urls(tmp_path: Path) -> list[str]:
    """The URLs of three files of 10 bytes, of which one has a name that not every system allows."""
    (tmp_path / "there").mkdir()
    files = [tmp_path / "there" / name for name in ("a.png", "b?.png", "c.mp4")]
    for number, path in enumerate(files):
        path.write_bytes(bytes([number] * 10))
    return [f"file://{path}" for path in files]


@pytest.fixture
def server(tmp_path: Path, urls: list[str]) -> Iterator[str]:
    """The host and port of a server with the files of `urls`."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "there"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def kept(cache: InputCache) -> list[str]:
    return sorted(path.name for path in cache.folder.glob("*/content/*"))


def test_files_are_fetched_once_and_removed_at_the_end(tmp_path: Path, urls: list[str]) -> None:
    cache = InputCache(tmp_path / "cache")
    found = [cache.find(url) for url in urls]
    assert [each.path.name for each in found] == ["a.png", "b_.png", "c.mp4"]
    for path in (tmp_path / "there").iterdir():
        path.unlink()
    with cache.held(found):
        assert [each.path.read_bytes() for each in found] == [bytes([number] * 10) for number in range(3)]
    with pytest.raises(InvalidInput, match=rf"^{urls[0]} is blank\.$"), cache.held(found):
        raise InvalidInput(f"{found[0].path} is blank.")
    cache.clear()
    assert not cache.folder.exists()
    with (
        pytest.raises(InvalidInput, match=rf"The file {urls[0]} cannot be read \(.*No such file"),
        cache.held(found),
    ):
        pass


def test_unused_files_make_room_for_others(tmp_path: Path, urls: list[str]) -> None:
    cache = InputCache(tmp_path / "cache", most=20)
    first, second = (cache.find(url) for url in urls[:2])
    with cache.held([first]):
        third = cache.find(urls[2])
        assert kept(cache) == ["a.png", "c.mp4"]
        with cache.held([second, third]):  # more than there is room for, but all are used
            assert kept(cache) == ["a.png", "b_.png", "c.mp4"]
    with cache.held([first, second]):  # nothing is fetched, and so nothing is looked at
        assert len(kept(cache)) == 3
    (tmp_path / "there" / "d.png").write_bytes(bytes(10))
    cache.find(f"file://{tmp_path}/there/d.png")
    assert len(kept(cache)) == 2
    assert "d.png" in kept(cache)


@pytest.mark.parametrize("name", ["lock", "used.part", "content"])
def test_any_name_is_fetched_and_makes_room(name: str, tmp_path: Path, urls: list[str]) -> None:
    (tmp_path / "there" / name).write_bytes(b"something")
    cache = InputCache(tmp_path / "cache", most=10)
    assert cache.find(f"file://{tmp_path}/there/{name}").path.read_bytes() == b"something"
    cache.find(urls[0])
    assert kept(cache) == ["a.png"]


def test_uris_of_files_may_be_encoded(tmp_path: Path) -> None:
    for number, name in enumerate(("a b.png", "c%20d.png", "c d.png")):
        (tmp_path / name).write_bytes(bytes([number]))
    cache = InputCache(tmp_path / "cache")
    encoded = cache.find((tmp_path / "a b.png").as_uri())
    assert (encoded.path.name, encoded.path.read_bytes()) == ("a b.png", bytes([0]))
    assert cache.find(f"file://{tmp_path}/c%20d.png").path.read_bytes() == bytes([1])
    with pytest.raises(InvalidInput, match=r"/none%20here\.png cannot be read"):
        cache.find(f"file://{tmp_path}/none%20here.png")


def test_schemes_may_be_upper_case(tmp_path: Path, urls: list[str], server: str) -> None:
    pytest.importorskip("aiohttp")
    cache = InputCache(tmp_path / "cache")
    for address in (urls[0].replace("file", "FILE"), f"HTTP://{server}/a.png"):
        assert cache.find(address).path.read_bytes() == bytes(10)


def test_a_file_that_changes_in_between_is_not_used(tmp_path: Path, urls: list[str]) -> None:
    cache = InputCache(tmp_path / "cache")
    found = cache.find(urls[0])
    cache.clear()  # as on another machine
    Path(urls[0].removeprefix("file://")).write_bytes(b"another")
    with pytest.raises(InvalidInput, match=r"a\.png has changed since the batch began"), cache.held([found]):
        pass
    assert kept(cache) == []


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache")
    with pytest.raises(InvalidInput, match="is not a file: give the URL"):
        cache.find(tmp_path.as_uri())
    with pytest.raises(InvalidInput, match="Protocol not known: nothing"):
        cache.find("nothing://a.png")


def test_paths_of_windows_are_no_urls() -> None:
    assert [is_url(text) for text in ("s3://a/b", "C://a", "C:\\a", "a/b")] == [True, False, False, False]


LOGINS = [
    "me:SECRET",
    "me:a@SECRET",
    "me:a/SECRET",
    "me:SECRET/a",
    "me:a?SECRET",
    "me:a@b/SECRET",
    "me:1@SECRET",
]


@pytest.mark.parametrize("chain", ["", "zip://a.png::"])
@pytest.mark.parametrize("login", LOGINS)
def test_messages_have_no_password(login: str, chain: str, server: str, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(InvalidInput) as caught:
        InputCache(tmp_path / "cache").find(f"{chain}http://{login}@{server}/missing.png?token=SECRET")
    assert "SECRET" not in str(caught.value)
    assert f"{chain}http://me@{server}/missing.png cannot be read" in str(caught.value).replace(
        "reached", "read"
    )


def test_signed_urls_name_files_like_plain_ones(server: str, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    cache = InputCache(tmp_path / "cache")
    for query in ("?token=a.SECRET.b", "?X-Amz-Credential=id/region&X-Amz-Signature=SECRET", "?a=b@c", "#x"):
        found = cache.find(f"http://me:SECRET@{server}/a.png{query}")
        assert (found.path.name, found.path.read_bytes()) == ("a.png", bytes(10))
