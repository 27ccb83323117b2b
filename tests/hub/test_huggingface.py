"""Files of a hub are fetched with huggingface_hub, and every failure is one correct sentence."""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from animatex_core.errors import DownloadError
from animatex_core.hub.catalogue import ModelFile
from animatex_core.hub.download import download
from tests.support.fake_hub import (
    FakeHub,
    Handler,
    breaking_off,
    chunked,
    fake_hub,
    in_seconds,
    packed,
    page,
    refusing,
)
from tests.support.socks_proxy import socks_proxy

DATA = random.Random(0).randbytes(1_000_000)
MODEL = ModelFile(
    id="weights",
    role="denoiser",
    repository="owner/name",
    path="folder/weights++.ckpt",
    names=("weights++.ckpt",),
    folder="animate_x",
    code_licence="MIT",
    weights_licence="not stated",
    purpose="A test.",
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
)
UNKNOWN = replace(MODEL, size=None, sha256=None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("no_proxy", "*")
    with fake_hub() as hub:
        hub.data = DATA
        yield hub


def fetch(
    hub: FakeHub, folder: Path, model_file: ModelFile = MODEL, tries: int = 3, **options: object
) -> Path:
    settings: dict[str, object] = {"base_url": hub.url, "pause": 0.0, "timeout": 5.0} | options
    return download(model_file, folder, tries=tries, **settings)  # type: ignore[arg-type]


def elsewhere(hub: FakeHub) -> ModelFile:
    """Return a file of unknown size and digest with an address of its own."""
    return replace(UNKNOWN, url=f"{hub.url}{hub.path}")


def reset_sessions() -> None:
    """Have huggingface_hub look at the environment again, in the version that is here."""
    from huggingface_hub import utils

    for name in ("close_session", "reset_sessions"):
        getattr(utils, name, lambda: None)()


@pytest.mark.parametrize("model_file", [MODEL, UNKNOWN], ids=["known", "unknown"])
def test_a_file_of_a_hub_arrives_alone(hub: FakeHub, tmp_path: Path, model_file: ModelFile) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(hub, tmp_path, model_file, on_progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert hub.requests["HEAD"] > 0
    assert {each.name for each in tmp_path.iterdir()} - {"weights++.ckpt.sha256"} == {path.name}
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))


def test_the_token_of_the_user_is_sent(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(hub, tmp_path)
    assert set(hub.tokens) == {"Bearer hf_secret"}


def test_no_token_goes_to_another_address(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(hub, tmp_path, elsewhere(hub))
    assert set(hub.tokens) == {None}


def test_a_killed_download_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > 10_000_000:
            raise KeyboardInterrupt

    hub.data = DATA * 35  # huggingface_hub writes 10 MB at once
    with pytest.raises(KeyboardInterrupt):
        fetch(hub, tmp_path, UNKNOWN, on_progress=interrupt)
    assert not (tmp_path / "weights++.ckpt").exists()
    assert fetch(hub, tmp_path, UNKNOWN).read_bytes() == DATA * 35
    assert hub.ranges[-1] is not None
    assert hub.ranges[-1] >= "bytes=1"


def test_a_whole_file_whose_check_was_killed_is_not_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    part = tmp_path / "weights++.ckpt.part"
    part.write_bytes(DATA)
    part.with_name(f"{part.name}.etag").write_text(hub.etag.strip('"'))
    assert fetch(hub, tmp_path).read_bytes() == DATA
    assert hub.requests["GET"] == 0


def test_a_part_of_another_version_is_not_mixed_in(hub: FakeHub, tmp_path: Path) -> None:
    part = tmp_path / "weights++.ckpt.part"
    part.write_bytes(DATA[::-1][:1000])
    part.with_name(f"{part.name}.etag").write_text("another")
    assert fetch(hub, tmp_path, UNKNOWN).read_bytes() == DATA


def test_the_fast_way_gives_the_same_file(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_XET_HIGH_PERFORMANCE", "1")
    assert fetch(hub, tmp_path).read_bytes() == DATA
    assert [each.name for each in tmp_path.iterdir()] == ["weights++.ckpt"]


def test_another_content_is_refused_and_not_kept(hub: FakeHub, tmp_path: Path) -> None:
    hub.data = DATA[::-1]
    with pytest.raises(DownloadError, match=MODEL.sha256):
        fetch(hub, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_size_is_refused_before_the_first_byte(hub: FakeHub, tmp_path: Path) -> None:
    hub.data = DATA[1:]
    with pytest.raises(DownloadError, match=r"999999 bytes, but models.yaml lists 1000000"):
        fetch(hub, tmp_path)
    assert hub.requests["GET"] == 0


@pytest.mark.parametrize("own_address", [False, True], ids=["hub", "elsewhere"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_the_pause_that_a_server_asks_for_is_kept(
    hub: FakeHub, tmp_path: Path, own_address: bool, status: int, as_date: bool
) -> None:
    ready = time.monotonic() + 2.0
    hub.answer = refusing(status, lambda: time.monotonic() > ready, in_seconds(3) if as_date else "2")
    assert fetch(hub, tmp_path, elsewhere(hub) if own_address else MODEL, tries=2).read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "says"), [(401, "licence.*log in"), (403, "licence.*log in"), (404, "put it in")]
)
def test_a_refusal_of_the_hub_is_final(hub: FakeHub, tmp_path: Path, status: int, says: str) -> None:
    hub.head = refusing(status, lambda: False)
    with pytest.raises(DownloadError, match=says):
        fetch(hub, tmp_path)
    assert hub.requests["HEAD"] == 1


@pytest.mark.parametrize("own_address", [False, True], ids=["hub", "elsewhere"])
def test_a_page_in_place_of_the_file_is_refused(hub: FakeHub, tmp_path: Path, own_address: bool) -> None:
    hub.head = hub.answer = page
    with pytest.raises(DownloadError, match=r"web page.*login"):
        fetch(hub, tmp_path, elsewhere(hub) if own_address else MODEL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [chunked, packed])
def test_other_ways_of_sending_give_the_right_bytes(
    hub: FakeHub, tmp_path: Path, answer: Callable[[Handler], bool]
) -> None:
    hub.answer = answer
    assert fetch(hub, tmp_path, elsewhere(hub)).read_bytes() == DATA


def test_a_server_without_the_hub_api_works_too(hub: FakeHub, tmp_path: Path) -> None:
    hub.head = refusing(501, lambda: False)
    assert fetch(hub, tmp_path).read_bytes() == DATA


def test_a_circle_of_redirects_is_one_sentence(hub: FakeHub, tmp_path: Path) -> None:
    def circle(handler: Handler) -> bool:
        handler.reply(302, b"", {"Location": handler.path})
        return True

    hub.answer = circle
    with pytest.raises(DownloadError, match="check the address"):
        fetch(hub, tmp_path, elsewhere(hub))


def test_what_breaks_off_again_and_again_is_given_up(hub: FakeHub, tmp_path: Path) -> None:
    hub.answer = breaking_off(0, times=99)
    with pytest.raises(DownloadError, match="download it again"):
        fetch(hub, tmp_path, elsewhere(hub))


@pytest.mark.parametrize("own_address", [False, True], ids=["hub", "elsewhere"])
def test_a_socks_proxy_is_used(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_address: bool
) -> None:
    reset_sessions()  # what was opened before knows no proxy
    with socks_proxy() as proxy:
        monkeypatch.delenv("no_proxy")
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert fetch(hub, tmp_path, elsewhere(hub) if own_address else MODEL).read_bytes() == DATA
    assert proxy.targets == {f"127.0.0.1:{hub.url.rpartition(':')[2]}"}
    reset_sessions()


def test_offline_mode_makes_no_request(hub: FakeHub, tmp_path: Path) -> None:
    code = (
        f"from tests.hub.test_huggingface import *; fetch(FakeHub(url={hub.url!r}), Path({str(tmp_path)!r}))"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}  # which huggingface_hub reads once, as it is imported
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "DownloadError" in done.stderr.splitlines()[-1]
    assert "HF_HUB_OFFLINE" in done.stderr.splitlines()[-1]
    assert hub.requests.total() == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 3600000000\n",
            "Git LFS pointer",
        ),
        (b'{"error": "Repository not found"}', "Repository not found"),
        (bytes(1000), "begins with zeros"),
    ],
)
@pytest.mark.parametrize("own_address", [False, True], ids=["hub", "elsewhere"])
def test_what_comes_in_the_place_of_a_file_is_named(
    hub: FakeHub, tmp_path: Path, data: bytes, says: str, own_address: bool
) -> None:
    hub.data = data
    with pytest.raises(DownloadError, match=says):
        fetch(hub, tmp_path, elsewhere(hub) if own_address else UNKNOWN)
    assert list(tmp_path.iterdir()) == []
