"""What is here of a file that is being fetched, and which version of the file that belongs to.

Beside `NAME.part` lie `NAME.part.etag`, which says the version, and `NAME.part.lock` while a process writes.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import DownloadError
from ..utils.files import part_of, storage_errors, sync


@dataclass(frozen=True)
class PartialDownload:
    """The first bytes of `target`, until it is whole."""

    target: Path

    @property
    def path(self) -> Path:
        """Where the bytes are kept."""
        return part_of(self.target)

    @property
    def size(self) -> int:
        """How many bytes are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def etag(self) -> str | None:
        """The version that the bytes belong to, as the server calls it; None where it did not say."""
        tag = self._etag_path
        return tag.read_text(encoding="latin-1") if tag.is_file() else None

    def store(self, chunks: Iterable[bytes], start: int, etag: str | None) -> Generator[int, None, None]:
        """Write chunks from byte `start` on and tell after each where it ends; raises StorageError.

        etag: what the version is from now on, if `start` is 0.
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
        """Forget what is here, and keep from now on the bytes of this version; raises StorageError."""
        self.discard()
        with storage_errors(self.path):
            self.path.touch()
            self._remember(etag)

    def discard(self) -> None:
        """Forget everything that is here; raises StorageError."""
        with storage_errors(self.path):
            self.path.unlink(missing_ok=True)
            self._etag_path.unlink(missing_ok=True)

    def place(self) -> None:
        """Give the whole file its name; raises StorageError."""
        with storage_errors(self.target):
            os.replace(self.path, self.target)
            self._etag_path.unlink(missing_ok=True)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep other processes from writing while the block lasts; raises DownloadError if one does."""
        from filelock import FileLock, Timeout

        path = self.path.with_name(f"{self.path.name}.lock")
        lock = FileLock(path)
        with storage_errors(self.target):
            try:
                lock.acquire(timeout=0)
            except Timeout as held:
                raise DownloadError(
                    f"{self.target} is already being fetched: wait until it is here."
                ) from held
        try:
            yield
        finally:
            if os.name != "nt":  # where no open file can be deleted, but the release does it
                path.unlink(missing_ok=True)
            lock.release()

    @property
    def _etag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def _remember(self, etag: str | None) -> None:
        if etag is None or etag.startswith("W/"):  # a weak one does not promise the same bytes
            self._etag_path.unlink(missing_ok=True)
        else:
            self._etag_path.write_text(etag, encoding="latin-1")
