"""Results at URLs: S3 as moto's server speaks it, through s3fs, and folders as file://."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from animatex_core.batch.comfyui.graph import Graph
from animatex_core.batch.job_list import Row
from animatex_core.batch.manifest import MANIFEST, Manifest
from animatex_core.batch.plan import LOCAL, begun, make_plan
from animatex_core.batch.results import RemoteResults, Results
from animatex_core.batch.storage import Storage
from animatex_core.cli.batch_servers import read_graph_jobs
from animatex_core.cli.main import build_parser, main
from animatex_core.errors import InvalidInput, MissingDependency, StorageError
from tests.batch.file_job import FileJob
from tests.cli.test_batch import FAST, row, write_list
from tests.documents import ROOT
from tests.support.dance_samples import write_dance

BUCKET = "studio"
MISSING = "moto or s3fs is not installed: pip install 'moto[s3]' flask-cors s3fs"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """The file system of s3fs on a server of this process, with one bucket."""
    server = pytest.importorskip("moto.server", reason=MISSING)
    s3fs = pytest.importorskip("s3fs", reason=MISSING)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        files = s3fs.S3FileSystem()
        files.mkdir(BUCKET)
        yield files
        s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def test_a_batch_on_s3_is_checked_resumed_and_the_same(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    write_dance(tmp_path)
    jobs = write_list(tmp_path, [row(), row(seed=3)])
    names = ["character-dance-0.mp4", "character-dance-3.mp4"]
    assert main(["batch", str(jobs), "--out", "here", *FAST]) == 0
    inputs = {name: f"s3://{BUCKET}/in/{value}" for name, value in row().items() if name != "box"}
    for name, address in inputs.items():
        s3.put_file(row()[name], address)
        Path(row()[name]).unlink()
    jobs = write_list(tmp_path, [row(**inputs), row(**inputs, seed=3)])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    Path("temporary").mkdir()
    url = f"s3://{BUCKET}/all results"
    there = ["batch", str(jobs), "--out", "there", "--results", f"{url}/", *FAST]

    s3.pipe_file(f"{url}/{names[1]}", b"mine")
    assert main(there) == 2
    assert f"'{url}/{names[1]}' exists, but this batch did not write it" in capsys.readouterr().err
    s3.rm_file(f"{url}/{names[1]}")

    assert main(there) == 0
    written = {path.rpartition("/")[2]: s3.cat_file(path) for path in s3.find(url)}
    assert written == {name: Path("here", name).read_bytes() for name in names}
    assert list(Path("temporary").iterdir()) == []
    assert sorted(path.suffix for path in Path("there").iterdir()) == [".html", ".lock", ".sqlite"]
    with closing(Manifest(Path("there"), read_only=True)) as manifest:
        entries = manifest.entries()
    with closing(Manifest(Path("here"), read_only=True)) as manifest:
        assert {name: entry.digest for name, entry in manifest.entries().items()} == {
            name: entry.digest for name, entry in entries.items()
        }
    assert {name: entry.url for name, entry in entries.items()} == {name: f"{url}/{name}" for name in names}
    assert f"<code>{url}/{names[0]}</code>" in Path("there", "index.html").read_text(encoding="utf-8")

    s3.rm_file(f"{url}/{names[0]}")
    before = s3.info(f"{url}/{names[1]}", refresh=True)["LastModified"]
    assert main([*there, "--dry-run"]) == 0
    assert "1 to do (again 1 because result is gone), 1 done" in capsys.readouterr().out
    assert main(there) == 0
    assert s3.cat_file(f"{url}/{names[0]}") == written[names[0]]
    assert s3.info(f"{url}/{names[1]}", refresh=True)["LastModified"] == before
    assert main(["batch", str(jobs), "--out", "there", "--dry-run", *FAST]) == 0  # now into the folder
    assert "2 to do (again 2 because inputs or settings changed)" in capsys.readouterr().out


def test_a_result_that_cannot_be_put_is_kept(s3: Any, tmp_path: Path) -> None:
    s3.mkdir("short-lived")
    results, job = RemoteResults("s3://short-lived"), FileJob(tmp_path, "in/a.txt")
    results.check()
    assert results.sizes([job]) == {}

    def work() -> None:
        with results.writing(job) as path:
            path.write_text("long work")
            s3.rmdir("short-lived")

    with pytest.raises(StorageError, match=r"bucket does not exist.*is in .*a\.txt instead"):
        work()
    assert job.out.read_text() == "long work"


def test_wrong_places_on_s3_are_named_before_the_work(s3: Any) -> None:
    with pytest.raises(StorageError, match=r"s3://nowhere/x cannot be written \(The specified bucket"):
        RemoteResults("s3://nowhere/x").check()
    requests = import_module("requests")
    reset = f"{s3.s3.meta.endpoint_url}/moto-api/reset-auth"
    requests.post(reset, data=b"0", timeout=10)  # from now on, logins are checked
    try:
        with pytest.raises(StorageError, match=r"cannot be read \(The AWS Access Key Id you provided"):
            RemoteResults(f"s3://{BUCKET}/x").sizes([])
    finally:
        requests.post(reset, data=b"inf", timeout=10)


def test_a_folder_as_url_holds_whole_results_only(tmp_path: Path) -> None:
    folder, job = tmp_path / "shared", FileJob(tmp_path / "out", "in/a.txt")
    results = RemoteResults(folder.as_uri())
    assert results.sizes([job]) == {}
    results.check()
    with results.writing(job) as path:
        path.write_text("first")
    with results.writing(job) as path:
        path.write_text("second")
        assert (folder / "in" / "a.txt").read_text() == "first"
    assert results.sizes([job, FileJob(tmp_path, "b.txt")]) == {"in/a.txt": 6}

    def write_and_fail() -> None:
        with results.writing(job) as path:
            path.write_text("third")
            raise InvalidInput(f"It cannot be cut out. The video was written to {path} with its background.")

    with pytest.raises(InvalidInput, match=r"The video was written to file://.*/shared/in/a\.txt with"):
        write_and_fail()
    with pytest.raises(StorageError), results.writing(job):
        pass  # nothing is written, so there is nothing to put
    assert [path.read_text() for path in folder.rglob("*") if path.is_file()] == ["third"]


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        ("results", InvalidInput, "it must be a URL such as s3://bucket/folder"),
        ("nothing://a/b", InvalidInput, "Protocol not known: nothing"),
        ("gs://bucket", MissingDependency, "gcsfs"),
        ("sftp://me:secret@host/x", MissingDependency, "^--results sftp://me@host/x needs .*paramiko"),
    ],
)
def test_urls_that_cannot_be_used_are_one_sentence(
    url: str, kind: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("gcsfs", "paramiko"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(kind, match=sentence):
        RemoteResults(url).require_usable()


def test_servers_read_and_write_files(capsys: pytest.CaptureFixture[str]) -> None:
    servers = ["--servers", "http://127.0.0.1:1", "--workflow", "x.json"]
    assert main(["batch", "jobs.csv", "--out", "out", "--results", "file:///x", *servers]) == 2
    assert "leave it or --servers out" in capsys.readouterr().err
    graph = Graph.read(ROOT / "workflows" / "api" / "few-steps.json")
    arguments = build_parser(["batch"]).parse_args(["batch", "jobs.csv", "--out", "out"])
    with pytest.raises(InvalidInput, match="row 2: reference is a URL, which is for animating here"):
        read_graph_jobs([Row(2, {"reference": "s3://a/b.png"})], graph, arguments, Path(), "The list")


def finish(folder: Path, results: Results) -> None:
    """Do a batch of one job."""
    job = FileJob(folder, "a.txt")
    with begun(folder, [job], results=results) as (manifest, plan, _):
        for each in plan.waiting:
            manifest.start(each.name)
            with results.writing(each) as path:
                path.write_text("done")
            manifest.finish(each.name, 1.0, None)


def test_results_go_back_to_an_earlier_place(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")
    for results in (LOCAL, there, LOCAL, there):
        finish(tmp_path / "out", results)
    with closing(sqlite3.connect(tmp_path / "out" / MANIFEST)) as database, database:
        database.execute("DROP TABLE places")  # as manifests of earlier versions
    with closing(Manifest(tmp_path / "out", read_only=True)) as manifest:
        assert make_plan([FileJob(tmp_path / "out", "a.txt")], manifest.entries(), there).done == 1
    for results in (there, RemoteResults(f"file://{tmp_path}/elsewhere"), there):
        finish(tmp_path / "out", results)


def test_a_result_that_could_not_be_put_is_this_batchs_own(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")

    def lose_the_place() -> None:
        with begun(tmp_path / "out", [job], results=there) as (manifest, _, _), there.writing(job) as path:
            manifest.start(job.name)
            path.write_text("done")
            (tmp_path / "there").rmdir()
            (tmp_path / "there").touch()

    job = FileJob(tmp_path / "out", "a.txt")
    with pytest.raises(StorageError, match=r"is in .*a\.txt instead"):
        lose_the_place()
    finish(tmp_path / "out", LOCAL)


def test_files_in_the_folder_are_not_replaced_by_results_that_cannot_be_put(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="did not write it"):
        finish(tmp_path / "out", RemoteResults(f"file://{tmp_path}/there"))


def test_jobs_that_never_ran_own_nothing(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")
    with begun(tmp_path / "first", [FileJob(tmp_path / "first", "a.txt")], results=there):
        pass  # stopped before its first job
    finish(tmp_path / "second", there)
    with pytest.raises(InvalidInput, match="did not write it"):
        finish(tmp_path / "first", there)


def test_a_file_of_another_batch_is_not_replaced(tmp_path: Path) -> None:
    there = RemoteResults(f"file://{tmp_path}/there")
    first, second = (FileJob(tmp_path / name, "a.txt") for name in ("1", "2"))
    with (
        begun(first.folder, [first], results=there) as (_, plan, _),
        begun(second.folder, [second], results=there) as (_, other, _),  # the first has written nothing yet
    ):
        with there.expecting(plan.new).writing(first) as path:
            path.write_text("first")
        with (
            pytest.raises(InvalidInput, match=r"a\.txt' was written while this.*is in .*a\.txt instead\.$"),
            there.expecting(other.new).writing(second) as path,
        ):
            path.write_text("second")
    assert (tmp_path / "there" / "a.txt").read_text() == "first"
    assert second.out.read_text() == "second"


KILLED = """
import os, sys
from pathlib import Path
from animatex_core.batch.results import RemoteResults
from tests.batch.file_job import FileJob
with RemoteResults(sys.argv[1]).writing(FileJob(Path(sys.argv[2]), "a.txt")) as path:
    path.write_text("half")
    os._exit(9)
"""


def test_what_killed_workers_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    there, job = RemoteResults(f"file://{tmp_path}/there"), FileJob(tmp_path, "a.txt")
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, there.address, str(tmp_path)]
    assert subprocess.run(command, env=environment, check=False).returncode == 9
    left = list((tmp_path / "temporary").iterdir())
    assert [path.stat().st_mode & 0o777 for path in left] == [0o700]

    parts = [tmp_path / "there" / "in" / f".animatex-{digit * 32}.part" for digit in "ab"]
    mine = tmp_path / "there" / ".animatex-mine.part"
    parts[0].parent.mkdir(parents=True)
    for path in (*parts, mine):
        path.touch()
    for path in (parts[0], mine):
        os.utime(path, (0, 0))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    there.check()
    assert [path.exists() for path in (*parts, mine)] == [False, True, True]
    with there.writing(job) as path:
        path.write_text("done")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_places_where_nothing_can_be_deleted_are_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem

    def refuse(files: Any, path: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(memory, "_rm", refuse)
    there = RemoteResults("memory://kept")
    for _ in range(2):
        there.check()
    assert memory().find("/kept") == ["/kept/.animatex-check"]


@pytest.mark.parametrize("name", ["walk [1080p]/a.txt", "walk [1080p]/b[1]*.txt"])
@pytest.mark.parametrize("place", ["memory://dances [2]", "file://{folder}/dances [2]"])
def test_names_may_have_brackets(name: str, place: str, tmp_path: Path) -> None:
    there = RemoteResults(place.format(folder=tmp_path))
    job = FileJob(tmp_path, name)
    for text in ("done", "again"):
        with there.writing(job) as path:
            path.write_text(text)
    assert there.sizes([job]) == {job.name: 5}
    files, root = Storage(there.address, "", StorageError).open()
    assert [path for path in files.find(root) if path.endswith(".part")] == []


def test_a_folder_with_the_name_of_a_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there" / "a.txt").mkdir(parents=True)
    there, job = RemoteResults(f"file://{tmp_path}/there"), FileJob(tmp_path / "out", "a.txt")
    for results in (there, there.expecting(frozenset({"a.txt"}))):
        with pytest.raises(InvalidInput, match=r"a\.txt' is a directory"), results.writing(job) as path:
            path.write_text("done")
    assert list((tmp_path / "there").rglob("*")) == [tmp_path / "there" / "a.txt"]
    assert job.out.read_text() == "done"
