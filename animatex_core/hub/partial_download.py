"""A partial download on disk, the version of its file, and retries after temporary failures."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import DownloadError
from ..utils.files import storage_errors, sync


@dataclass(frozen=True)
class PartialDownload:
    """The first bytes of a file, until it is complete.

    Attributes:
        target: The path of the complete file.

    """

    target: Path

    @property
    def path(self) -> Path:
        """Where the bytes are stored."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def size(self) -> int:
        """The number of bytes stored."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def etag(self) -> str | None:
        """The ETag of the version that the bytes belong to; None if the server sent none."""
        tag = self._etag_path
        return tag.read_text(encoding="latin-1") if tag.is_file() else None

    def store(self, chunks: Iterable[bytes], start: int, etag: str | None) -> Generator[int, None, None]:
        """Write chunks, and report after each one where it ends.

        Args:
            chunks: The bytes.
            start: The position of the first one.
            etag: The version of the file; used if `start` is 0.

        Yields:
            The size after each chunk.

        Raises:
            StorageError: They cannot be written.

        """
        with storage_errors(self.path), self.path.open("r+b" if start else "wb") as file:
            if not start:
                self._remember(etag)
            file.seek(start)
            for chunk in chunks:
                file.write(chunk)
                yield file.tell()
            sync(file)

    def begin(self, etag: str | None) -> None:
        """Start over with another version of the file; raises StorageError."""
        self.discard()
        with storage_errors(self.path):
            self.path.touch()
            self._remember(etag)

    def discard(self) -> None:
        """Delete what is stored; raises StorageError."""
        with storage_errors(self.path):
            self.path.unlink(missing_ok=True)
            self._etag_path.unlink(missing_ok=True)

    def place(self) -> None:
        """Give the complete file its final name; raises StorageError."""
        with storage_errors(self.target):
            os.replace(self.path, self.target)
            self._etag_path.unlink(missing_ok=True)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Lock the download against other processes in the block; raises DownloadError if it is locked."""
        from filelock import FileLock, Timeout

        path = self.path.with_name(f"{self.path.name}.lock")
        lock = FileLock(path)
        with storage_errors(self.target):
            try:
                lock.acquire(timeout=0)
            except Timeout as held:
                raise DownloadError(
                    f"{self.target} is being downloaded by another process: wait until it is complete."
                ) from held
        try:
            yield
        finally:
            if os.name != "nt":  # Windows cannot delete an open file; releasing the lock deletes it
                path.unlink(missing_ok=True)
            lock.release()

    @property
    def _etag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def _remember(self, etag: str | None) -> None:
        if etag is None or etag.startswith("W/"):  # a weak ETag does not promise identical bytes
            self._etag_path.unlink(missing_ok=True)
        else:
            self._etag_path.write_text(etag, encoding="latin-1")


TEMPORARY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes of temporary failures."""

MAX_WAIT = 120.0
"""The maximum of seconds to wait, whatever a server asks for."""

Result = TypeVar("Result")


class TemporaryError(Exception):
    """A temporary failure: another attempt may succeed.

    Args:
        reason: What happened, as part of a sentence.
        wait: Seconds that the server asks to wait; None if it does not say.

    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a download is retried.

    Attributes:
        tries: Consecutive attempts without new data before giving up.
        pause: Seconds before the first retry; doubled for each further one.

    """

    tries: int
    pause: float

    def run(self, attempt: Callable[[], Result], arrived: Callable[[], int], url: str) -> Result:
        """Call a function until it succeeds.

        Args:
            attempt: The function; raises PassingError for a temporary failure.
            arrived: Returns the number of bytes downloaded so far.
            url: What is downloaded, for messages.

        Returns:
            The result of `attempt`.

        Raises:
            DownloadError: `tries` consecutive attempts brought no new data.

        """
        furthest, failures = arrived(), 0
        while True:
            try:
                return attempt()
            except TemporaryError as error:
                failures = 0 if arrived() > furthest else failures + 1
                furthest = max(furthest, arrived())
                if failures >= self.tries:
                    raise DownloadError(
                        f"{url} did not arrive completely ({error}): download it again, which resumes after "
                        f"the {arrived()} bytes that are here."
                    ) from error
                time.sleep(self._seconds(error, failures))

    def _seconds(self, error: TemporaryError, failures: int) -> float:
        if error.wait is not None:
            return min(error.wait, MAX_WAIT)
        return min(self.pause * 2 ** max(failures - 1, 0), MAX_WAIT)
