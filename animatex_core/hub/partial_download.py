"""A partial download on disk, and the version of the file that its bytes belong to.

Next to `NAME.part` are `NAME.part.etag`, the version, and, while a process writes, `NAME.part.lock`.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
