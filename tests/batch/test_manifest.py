"""The manifest: kept through crashes, one writer, and no file of another kind is touched."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from animatex_core.batch.manifest import MANIFEST, VERSION, Entry, Manifest, sole_writer
from animatex_core.errors import InvalidInput, StorageError


def test_entries_are_there_after_the_file_was_closed(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.add({"a.mp4": "1", "b.mp4": "2", "c.mp4": "3", "d.mp4": "4"})
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        manifest.start(name)
    manifest.finish("a.mp4", 1.5, 1000)
    manifest.fail("b.mp4", "It is full.", 0.5)
    manifest.close()
    with closing(Manifest(tmp_path)) as again:
        assert list(again.entries().values()) == [
            Entry("a.mp4", "done", "1", None, 1.5, 1000),
            Entry("b.mp4", "failed", "2", "It is full.", 0.5),
            Entry("c.mp4", "running", "3"),
            Entry("d.mp4", "waiting", "4"),
        ]
        again.start("c.mp4", "http://a#1")
        again.add({"c.mp4": "3"})  # it still runs there
        assert again.entries()["c.mp4"] == Entry("c.mp4", "running", "3", place="http://a#1")
        again.add({"c.mp4": "4"})
        assert again.entries()["c.mp4"] == Entry("c.mp4", "waiting", "4")
        again.add({"b.mp4": "5"})
        assert again.entries()["b.mp4"] == Entry("b.mp4", "waiting", "5")


def test_manifests_from_before_urls_are_continued(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.add({"a.mp4": "1"})
    manifest.close()
    with closing(sqlite3.connect(tmp_path / MANIFEST)) as database, database:
        database.execute("ALTER TABLE jobs DROP COLUMN url")
    with closing(Manifest(tmp_path, read_only=True)) as before:
        assert before.entries() == {"a.mp4": Entry("a.mp4", "waiting", "1")}
    with closing(Manifest(tmp_path)) as again:
        again.add({"b.mp4": "2"}, {"b.mp4": "s3://studio/b.mp4"})
        assert [entry.url for entry in again.entries().values()] == [None, "s3://studio/b.mp4"]


def test_reading_creates_nothing(tmp_path: Path) -> None:
    with closing(Manifest(tmp_path / "none", read_only=True)) as manifest:
        assert manifest.entries() == {}
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    path.write_bytes(b"my shopping list, which is longer than a header of SQLite" * 20)
    with pytest.raises(InvalidInput, match="not the manifest of a batch"):
        Manifest(tmp_path)
    assert path.read_bytes().startswith(b"my shopping list")
    path.unlink()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(InvalidInput, match="not the manifest of a batch"):
        Manifest(tmp_path)


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_another_version_is_refused(version: int, tmp_path: Path) -> None:
    Manifest(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / MANIFEST)) as file, file:
        file.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(InvalidInput, match=f"has version {version}"):
        Manifest(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        Manifest(tmp_path / "none")


HOLD = """
import sys, time
from pathlib import Path
from animatex_core.batch.manifest import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_batches_cannot_write_to_one_folder_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(InvalidInput, match="Another batch is writing"), sole_writer(tmp_path):
            pass
    finally:
        other.kill()
        other.communicate()
    with sole_writer(tmp_path):
        pass
