"""Downloads from a real server that disconnects, restarts, sends wrong data and refuses requests."""

import hashlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from animatex_core.errors import DownloadError, InvalidInput, StorageError
from animatex_core.hub.catalogue import ModelFile
from animatex_core.hub.checksum import record_path, verify
from animatex_core.hub.download import download
from animatex_core.hub.http import CHUNK
from tests.support.file_server import Hub, serving
from tests.support.small_disk import mounted, remount

DATA = bytes(range(256)) * 12_000  # 3 MB
DIGEST = hashlib.sha256(DATA).hexdigest()
LIE = DATA[::-1]
ARRIVED = len(DATA) // 2 // CHUNK * CHUNK  # of a file that breaks off in the middle


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("no_proxy", "*")
    with serving() as hub:
        yield hub


def model(
    size: int | None = len(DATA), sha256: str | None = DIGEST, name: str = "weights++.ckpt"
) -> ModelFile:
    return ModelFile(
        id="weights",
        role="denoiser",
        repository="owner/name",
        path=f"folder/{name}",
        names=(name, "weights.pth"),
        folder="animate_x",
        code_licence="MIT",
        weights_licence="not stated",
        purpose="A test.",
        size=size,
        sha256=sha256,
    )


KNOWN, UNKNOWN = model(), model(size=None, sha256=None)
PATH = "/owner/name/resolve/main/folder/weights++.ckpt"


def fetch(model_file: ModelFile, folder: Path, hub: Hub, data: bytes = DATA, **options: object) -> Path:
    hub.files[PATH] = data
    settings: dict[str, object] = {"pause": 0.0, "timeout": 10.0} | options
    return download(model_file, folder, base_url=hub.url, **settings)  # type: ignore[arg-type]


def put_part(folder: Path, data: bytes, etag: str | None = None) -> Path:
    part = folder / "weights++.ckpt.part"
    part.write_bytes(data)
    if etag:
        part.with_name(f"{part.name}.etag").write_text(etag)
    return part


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_under_its_name_and_nothing_else(tmp_path, hub):
    path = fetch(KNOWN, tmp_path / "new" / "folder", hub)
    assert path == tmp_path / "new" / "folder" / "weights++.ckpt"
    assert path.read_bytes() == DATA
    assert names(path.parent) == {path.name}


def test_a_file_that_is_not_on_the_hub_comes_from_its_own_address(tmp_path, hub):
    hub.files["/elsewhere/file"] = DATA
    elsewhere = replace(KNOWN, url=f"{hub.url}/elsewhere/file")
    assert download(elsewhere, tmp_path, base_url="https://hub.invalid", pause=0.0).read_bytes() == DATA


def test_progress_counts_up_to_the_size(tmp_path, hub):
    seen: list[tuple[int, int]] = []
    fetch(KNOWN, tmp_path, hub, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize("name", ["weights++.ckpt", "weights.pth"])
def test_what_is_there_is_not_fetched_again(tmp_path, hub, name):
    (tmp_path / name).write_bytes(DATA)
    assert fetch(KNOWN, tmp_path, hub) == tmp_path / name
    assert hub.ranges == []


def test_what_is_there_but_wrong_is_named_and_kept(tmp_path, hub):
    (tmp_path / "weights.pth").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=rf"weights\.pth .*{DIGEST}.*third-party.*move it away"):
        fetch(KNOWN, tmp_path, hub)
    assert (tmp_path / "weights.pth").read_bytes() == b"mine"


@pytest.mark.parametrize("model_file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("fault", ["break off", "stall"])
def test_a_broken_connection_goes_on_where_it_broke(tmp_path, hub, model_file, fault):
    hub.faults = [fault] * 2
    path = fetch(model_file, tmp_path, hub, timeout=0.5)
    assert path.read_bytes() == DATA
    assert hub.ranges[0] is None
    assert None not in hub.ranges[1:]


def test_a_reset_connection_is_tried_again(tmp_path, hub):
    hub.faults = ["reset"]
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA
    assert len(hub.ranges) == 2


def test_a_later_download_goes_on_with_the_part(tmp_path, hub):
    put_part(tmp_path, DATA[:1000])
    hub.faults = ["redirect"]
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA
    assert hub.ranges == ["bytes=1000-"] * 2


def test_a_server_without_ranges_starts_again(tmp_path, hub):
    put_part(tmp_path, LIE[:1000])
    hub.faults = ["ignore range"]
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA


@pytest.mark.parametrize(("model_file", "requested"), [(KNOWN, []), (UNKNOWN, [f"bytes={len(DATA)}-"])])
def test_a_part_that_is_whole_is_only_checked(tmp_path, hub, model_file, requested):
    put_part(tmp_path, DATA, hub.etag)
    assert fetch(model_file, tmp_path, hub).read_bytes() == DATA
    assert hub.ranges == requested


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path, hub):
    put_part(tmp_path, DATA + b"more")
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA


def test_a_wrong_digest_is_printed_with_the_right_one_and_not_resumed(tmp_path, hub):
    with pytest.raises(DownloadError) as caught:
        fetch(KNOWN, tmp_path, hub, data=LIE)
    assert all(digest in str(caught.value) for digest in (DIGEST, hashlib.sha256(LIE).hexdigest()))
    assert names(tmp_path) == set()
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA


def test_a_part_of_another_file_is_found_out_and_thrown_away(tmp_path, hub):
    put_part(tmp_path, LIE[:1000])
    with pytest.raises(DownloadError, match=DIGEST):
        fetch(KNOWN, tmp_path, hub)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("wrong", ["another size", "404", "403", "page"])
def test_a_refusal_is_final_and_says_what_to_do(tmp_path, hub, wrong):
    hub.faults = [wrong] * 9
    data = DATA[:-1] if wrong == "another size" else DATA
    with pytest.raises(DownloadError, match=r"weights%2B%2B\.ckpt.*(hub's page|HF_ENDPOINT)"):
        fetch(KNOWN, tmp_path, hub, data)
    assert len(hub.ranges) == 1
    assert names(tmp_path) == set()


@pytest.mark.parametrize("faults", [["503"], ["429", "500", "502"]])
def test_a_passing_refusal_is_tried_again(tmp_path, hub, faults):
    hub.faults = faults
    assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA


def test_giving_up_keeps_what_arrived(tmp_path, hub):
    hub.faults = ["break off", *["503"] * 9]
    with pytest.raises(DownloadError, match=f"503.*{ARRIVED} bytes"):
        fetch(KNOWN, tmp_path, hub, tries=3)
    assert len(hub.ranges) == 4
    assert (tmp_path / "weights++.ckpt.part").read_bytes() == DATA[:ARRIVED]


def test_a_server_that_starts_again_and_breaks_again_is_given_up(tmp_path, hub):
    hub.faults = ["break off, ignore range"] * 9
    with pytest.raises(DownloadError, match=f"closed early.*{ARRIVED} bytes"):
        fetch(KNOWN, tmp_path, hub, tries=3)
    assert len(hub.ranges) == 4


def test_a_range_that_was_not_requested_is_not_appended(tmp_path, hub):
    part = put_part(tmp_path, DATA[:5])
    hub.faults = ["wrong range"] * 9
    with pytest.raises(DownloadError, match="another range"):
        fetch(KNOWN, tmp_path, hub, tries=3)
    assert part.read_bytes() == DATA[:5]


@pytest.mark.parametrize("model_file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_a_file_without_its_beginning_is_not_a_file(tmp_path, hub, model_file):
    hub.faults = ["no beginning"]
    assert fetch(model_file, tmp_path, hub).read_bytes() == DATA


@pytest.mark.parametrize("etag", ['"first"', None])
def test_the_first_part_of_a_file_is_not_taken_for_all_of_it(tmp_path, hub, etag):
    hub.faults, hub.etag = ["first part"], etag
    assert fetch(UNKNOWN, tmp_path, hub).read_bytes() == DATA


def test_a_server_that_cannot_be_reached_is_given_up(tmp_path, hub):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(DownloadError, match=address):
        download(KNOWN, tmp_path, base_url=address, tries=2, pause=0.0)


@pytest.mark.parametrize(
    "base_url",
    [
        *(
            "file:///etc",
            "",
            "http://",
            "http://[::1",
            "http://a:port",
            "http://a:0",
            "http://a b",
            "http://a\n",
        ),
        *("http://müsli.example", "http://a..b"),
    ],
)
def test_a_hub_that_is_not_a_url_is_refused(tmp_path, base_url):
    with pytest.raises(InvalidInput, match="HF_ENDPOINT"):
        download(KNOWN, tmp_path, base_url=base_url, tries=1)


def test_an_interruption_keeps_the_part(tmp_path, hub):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(KNOWN, tmp_path, hub, on_progress=interrupt)
    assert names(tmp_path) == {"weights++.ckpt.part", "weights++.ckpt.part.etag"}
    fetch(KNOWN, tmp_path, hub)
    assert hub.ranges == [None, f"bytes={CHUNK}-"]


@pytest.mark.parametrize("etag", [None, '"first"'])
@pytest.mark.parametrize("size", [None, len(DATA)])
@pytest.mark.parametrize("arrived", [1000, len(DATA)])
def test_a_part_of_another_version_is_not_mixed_in(tmp_path, hub, etag, size, arrived):
    put_part(tmp_path, LIE[:arrived], etag)
    hub.etag = '"second"'
    path = fetch(model(size=size, sha256=None), tmp_path, hub)
    assert path.read_bytes() == DATA
    assert names(tmp_path) == {path.name, record_path(path).name}


@pytest.mark.parametrize("arrived", [1000, len(DATA)])
def test_a_server_that_ignores_the_requested_version_is_detected(tmp_path, hub, arrived):
    put_part(tmp_path, LIE[:arrived], '"first"')
    hub.etag, hub.faults = '"second"', ["ignore version"]
    assert fetch(UNKNOWN, tmp_path, hub).read_bytes() == DATA
    assert hub.ranges == [f"bytes={arrived}-", None]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_what_has_no_firm_version_starts_again(tmp_path, hub, etag):
    hub.etag, hub.faults = etag, ["break off"]
    assert fetch(UNKNOWN, tmp_path, hub).read_bytes() == DATA
    assert hub.ranges == [None, None]


def test_an_empty_file_is_refused(tmp_path, hub):
    with pytest.raises(DownloadError, match="is empty"):
        fetch(UNKNOWN, tmp_path, hub, data=b"")
    assert names(tmp_path) == set()


def test_a_file_that_another_process_fetches_is_left_alone(tmp_path, hub):
    part = put_part(tmp_path, DATA[:5])
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, f"{part}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(DownloadError, match="being downloaded by another process"):
            fetch(UNKNOWN, tmp_path, hub)
        other.kill()
    assert hub.ranges == []
    assert fetch(UNKNOWN, tmp_path, hub).read_bytes() == DATA  # a dead process holds nothing


def test_two_downloads_at_once_never_mix(tmp_path, hub):
    def again(done: int, total: int) -> None:
        with pytest.raises(DownloadError, match="being downloaded by another process"):
            fetch(UNKNOWN, tmp_path, hub)

    assert fetch(UNKNOWN, tmp_path, hub, on_progress=again).read_bytes() == DATA
    assert len(hub.ranges) == 1


def test_a_fault_of_the_progress_callback_is_its_own(tmp_path, hub):
    def fail(done: int, total: int) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        fetch(KNOWN, tmp_path, hub, on_progress=fail)
    fetch(KNOWN, tmp_path, hub)
    with pytest.raises(BrokenPipeError):
        fetch(KNOWN, tmp_path, hub, on_progress=fail)


def test_a_full_disk_keeps_the_part_and_goes_on_when_there_is_room(tmp_path, hub):
    with mounted(tmp_path, "size=1m"):
        with pytest.raises(StorageError, match="free some space"):
            fetch(KNOWN, tmp_path, hub)
        arrived = (tmp_path / "weights++.ckpt.part").stat().st_size
        remount(tmp_path, "size=8m")
        assert fetch(KNOWN, tmp_path, hub).read_bytes() == DATA
    assert arrived > 500_000
    assert hub.ranges == [None, f"bytes={arrived}-"]


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path, hub):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another directory"):
        fetch(KNOWN, tmp_path / "file", hub)


def test_a_first_digest_is_recorded_as_sha256sum_writes_it(tmp_path, hub):
    path = fetch(UNKNOWN, tmp_path, hub)
    assert record_path(path).read_text() == f"{DIGEST}  weights++.ckpt\n"
    assert verify(UNKNOWN, path).status == "ok"
    if shutil.which("sha256sum"):
        subprocess.run(
            ["sha256sum", "-c", record_path(path).name], cwd=tmp_path, check=True, capture_output=True
        )


def test_a_recorded_digest_is_expected_from_then_on(tmp_path, hub):
    fetch(UNKNOWN, tmp_path, hub).unlink()
    with pytest.raises(DownloadError, match=rf"{DIGEST}.*recorded"):
        fetch(UNKNOWN, tmp_path, hub, data=LIE)
    assert names(tmp_path) == {"weights++.ckpt.sha256"}
    fetch(UNKNOWN, tmp_path, hub).write_bytes(LIE)
    with pytest.raises(DownloadError, match=rf"{DIGEST}.*recorded"):
        fetch(UNKNOWN, tmp_path, hub)


@pytest.mark.parametrize(
    ("model_file", "data", "status"),
    [
        (KNOWN, DATA, "ok"),
        (KNOWN, DATA[:-1], "mismatch"),
        (KNOWN, b"", "mismatch"),
        (UNKNOWN, DATA, "unknown"),
        (model(sha256=None), DATA, "unknown"),
        (model(sha256=None), LIE + b"x", "mismatch"),
        (model(size=None), LIE, "mismatch"),
    ],
)
def test_verification_tells_ok_wrong_and_unknown(tmp_path, model_file, data, status):
    (tmp_path / "file").write_bytes(data)
    result = verify(model_file, tmp_path / "file")
    assert result.status == status
    assert status == "ok" or hashlib.sha256(data).hexdigest() in str(result)


def test_a_record_in_upper_case_counts(tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    record_path(tmp_path / "file").write_text(f"{DIGEST.upper()}  file\n")
    assert verify(UNKNOWN, tmp_path / "file").status == "ok"


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "file.sha256").write_bytes(b"\xff\x00")
    with pytest.raises(DownloadError, match=r"file\.sha256 contains no sha256"):
        verify(UNKNOWN, tmp_path / "file")


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(DownloadError, match="cannot be read"):
        verify(KNOWN, tmp_path)
