"""The manifest of a batch: an SQLite file that says of every job how far it is, through every crash."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..errors import InvalidInput, StorageError

MANIFEST, LOCK = "batch.sqlite", "batch.lock"
APPLICATION, VERSION = 0x414E4958, 1  # "ANIX" in the file's header, and the version of its tables
NO_URLS: Mapping[str, str | None] = MappingProxyType({})
State = Literal["waiting", "running", "done", "failed"]
ENTRIES = "SELECT name, state, digest, error, seconds, peak_bytes, place, {url} FROM jobs"
TABLE = """CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    digest TEXT NOT NULL,
    error TEXT,
    seconds REAL,
    peak_bytes INTEGER,
    place TEXT,
    url TEXT
)"""
PLACES = """CREATE TABLE places (
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (name, url)
)"""
FIND_PLACES = "SELECT name, url FROM places"
OLD_PLACES = (  # of manifests without that table; a failed upload leaves the result in the folder
    "SELECT name, coalesce({url}, '') FROM jobs UNION SELECT name, '' FROM jobs WHERE state = 'failed'"
)
ADD_URL = "ALTER TABLE jobs ADD COLUMN url TEXT"  # to the manifests of versions before it


@dataclass(frozen=True)
class Entry:
    """What the manifest knows of a job.

    Attributes:
        name: The path of its result in the folder of the batch, with forward slashes.
        state: "running" also means that the process was killed while it ran.
        digest: Of its inputs and settings when it last was to be done.
        error: The sentence with which it failed.
        seconds: How long it took.
        peak_bytes: The most memory that was in use: of the GPU, else of the process; None if unknown.
        place: Where it runs or ran, in a form that only who started it there understands; None for here.
        url: Of its result; None if it is in the folder of the batch.
        places: Where this batch has written the result or may have: URLs, and None for its folder.

    """

    name: str
    state: State
    digest: str
    error: str | None = None
    seconds: float | None = None
    peak_bytes: int | None = None
    place: str | None = None
    url: str | None = None
    places: frozenset[str | None] = field(default=frozenset(), compare=False)


class Manifest:
    """The manifest in a folder. Every change is on the disk when a method returns.

    Args:
        folder: The folder of the batch.
        read_only: Whether nothing will be written; a missing manifest is empty then.

    Raises:
        InvalidInput: The file is not a manifest, or one of another version.
        StorageError: It cannot be written.

    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / MANIFEST
        if read_only and not self.path.exists():
            self._database = sqlite3.connect(":memory:")
        else:
            with _database_errors(self.path):
                self._database = sqlite3.connect(self.path)
        with _database_errors(self.path):
            self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def entries(self) -> dict[str, Entry]:
        """Return all entries by name."""
        with _database_errors(self.path):
            url = "url" if self._has_column("jobs", "url") else "NULL"
            found = self._database.execute(ENTRIES.format(url=url)).fetchall()
            places: dict[str, set[str | None]] = {values[0]: set() for values in found}
            statement = FIND_PLACES if self._has_column("places", "url") else OLD_PLACES.format(url=url)
            for name, place in self._database.execute(statement):
                places[name].add(place or None)
        return {values[0]: replace(Entry(*values), places=frozenset(places[values[0]])) for values in found}

    def add(self, jobs: Mapping[str, str], urls: Mapping[str, str | None] = NO_URLS) -> None:
        """Let jobs wait, whatever was known of them; those that still run elsewhere stay so.

        Args:
            jobs: Name -> digest of inputs and settings.
            urls: Name -> URL of the result; None for those in the folder.

        """
        with _database_errors(self.path), self._database:
            self._extend()
        self._write(
            "INSERT INTO jobs (name, digest, state, url) VALUES (?, ?, 'waiting', ?) ON CONFLICT (name) "
            "DO UPDATE SET digest = excluded.digest, state = 'waiting', error = NULL, seconds = NULL, "
            "peak_bytes = NULL, place = NULL, url = excluded.url "
            "WHERE NOT (state = 'running' AND place IS NOT NULL AND digest = excluded.digest)",
            [(name, digest, urls.get(name)) for name, digest in jobs.items()],
        )

    def start(self, name: str, place: str | None = None) -> None:
        """Note that a job runs, and where. From now on its result may be at its URL or in the folder."""
        self._write(
            "INSERT OR IGNORE INTO places SELECT name, '' FROM jobs WHERE name = :name "
            "UNION SELECT name, coalesce(url, '') FROM jobs WHERE name = :name",
            [{"name": name}],
        )
        self._write("UPDATE jobs SET state = 'running', place = ? WHERE name = ?", [(place, name)])

    def wait(self, name: str) -> None:
        """Note that a job was stopped and is still to be done."""
        self._write("UPDATE jobs SET state = 'waiting' WHERE name = ?", [(name,)])

    def finish(self, name: str, seconds: float, peak_bytes: int | None) -> None:
        """Note that the result of a job is complete."""
        change = "UPDATE jobs SET state = 'done', error = NULL, seconds = ?, peak_bytes = ? WHERE name = ?"
        self._write(change, [(seconds, peak_bytes, name)])

    def fail(self, name: str, error: str, seconds: float) -> None:
        """Note why a job failed."""
        change = "UPDATE jobs SET state = 'failed', error = ?, seconds = ? WHERE name = ?"
        self._write(change, [(error, seconds, name)])

    def _has_column(self, table: str, name: str) -> bool:
        columns = self._database.execute(f"PRAGMA table_info ({table})")
        return any(column[1] == name for column in columns)

    def _extend(self) -> None:
        """Add what the manifests of earlier versions lack."""
        if not self._has_column("jobs", "url"):
            self._database.execute(ADD_URL)
        if not self._has_column("places", "url"):
            self._database.execute(PLACES)
            self._database.execute(f"INSERT INTO places {OLD_PLACES.format(url='url')}")

    def _write(self, statement: str, values: Iterable[tuple | dict[str, str]]) -> None:
        with _database_errors(self.path), self._database:
            self._database.executemany(statement, values)

    def _prepare(self) -> None:
        application, version = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            with self._database:
                self._database.execute(TABLE)
                self._database.execute(PLACES)
                self._database.execute(f"PRAGMA application_id = {APPLICATION}")
                self._database.execute(f"PRAGMA user_version = {VERSION}")
        elif application != APPLICATION:
            raise InvalidInput(
                f"{self.path} is not the manifest of a batch: choose another folder with --out."
            )
        elif version != VERSION:
            raise InvalidInput(
                f"{self.path} has version {version}, but this version of Animate-X reads {VERSION}: continue "
                "with the version that began the batch, or choose another folder with --out."
            )


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other batches out of a folder during the block; a killed process leaves no lock behind.

    Raises:
        InvalidInput: Another batch is writing there.
        StorageError: The folder cannot be written.

    """
    path = folder / LOCK
    with _database_errors(path), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise InvalidInput(
                f"Another batch is writing to {str(folder)!r}: wait for it, or choose another folder with "
                "--out."
            ) from error
        yield


@contextmanager
def _database_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StorageError(
                f"{path} could not be written ({error}): check space and permissions, or choose another "
                "folder."
            ) from error
        raise InvalidInput(
            f"{path} is not the manifest of a batch, or damaged ({error}): move it away, or choose "
            "another folder."
        ) from error
