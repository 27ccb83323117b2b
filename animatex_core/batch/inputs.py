"""Inputs of jobs at URLs: fetched once a machine, into a folder that exists as long as the batch."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import gettempdir
from urllib.parse import unquote

from filelock import FileLock, Timeout

from ..errors import InvalidInput
from ..pose.cache import digest_file
from ..utils.files import atomic_path, scratch_file, sweep, temporary_path
from .addresses import file_name
from .naming import safe_name
from .storage import Storage

MAX_BYTES = 8 << 30  # of the files on one machine; those that jobs use may be more
LOCK = "lock"
CONTENT = "content"  # the folder of a file itself, which may have the name of the lock or of a mark


@dataclass(frozen=True)
class RemoteInput:
    """A file at a URL.

    Attributes:
        address: The URL.
        path: Where it is on every machine while a job uses it.
        digest: SHA-256 of its content when the batch was started.

    """

    address: str
    path: Path
    digest: str


@dataclass(frozen=True)
class InputCache:
    """The files of one batch on one machine. Its workers share them, and it can be pickled.

    Attributes:
        folder: The folder, the same on all machines. Its name says which process started the batch, so that
            what a killed one left behind is found by the next.
        most: Bytes above which files that no job uses are removed, the longest unused ones first.

    """

    folder: Path
    most: int = MAX_BYTES

    @classmethod
    def new(cls, most: int = MAX_BYTES) -> "InputCache":
        """Return a cache for a batch of this process; nothing is created before it is used."""
        return cls(temporary_path(Path(gettempdir()) / "animatex-inputs"), most)

    def find(self, address: str) -> RemoteInput:
        """Return a file at a URL, which is fetched.

        Raises:
            InvalidInput: It cannot be fetched, or the protocol is unknown.
            MissingDependency: The package of the protocol is not installed.

        """
        address = _decoded(address)
        found = RemoteInput(address, self._path(address), "")
        with self._used(found):
            return RemoteInput(address, found.path, digest_file(found.path))

    @contextmanager
    def held(self, inputs: Iterable[RemoteInput]) -> Iterator[None]:
        """Let files be on this machine during the block; messages of InvalidInput then name their URLs.

        Raises:
            InvalidInput: A file cannot be fetched, or has changed since the batch was started.

        """
        given = list(inputs)
        with ExitStack() as stack:
            for each in given:
                stack.enter_context(self._used(each))
            try:
                yield
            except InvalidInput as error:
                raise InvalidInput(_with_urls(str(error), given)) from error

    def clear(self) -> None:
        """Remove all files from this machine."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _used(self, wanted: RemoteInput) -> Iterator[None]:
        """Fetch a file unless it is here, and mark it as used during the block."""
        folder = wanted.path.parent.parent
        if not self.folder.exists():
            sweep(self.folder.parent)  # of batches that were killed
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        with ExitStack() as stack:
            with FileLock(folder / LOCK):
                stack.enter_context(scratch_file(folder / "used"))
                is_new = not wanted.path.exists()
                if is_new:
                    self._fetch(wanted)
                os.utime(wanted.path)
            if is_new:  # all files are listed, which would take long for every job
                self._make_room()
            yield

    def _fetch(self, wanted: RemoteInput) -> None:
        storage = _storage(wanted.address)
        files, source = storage.open()
        with atomic_path(wanted.path) as part, storage.errors("read"):
            if files.info(source)["type"] != "file":
                raise InvalidInput(f"{storage.shown} is not a file: give the URL of an image or a video.")
            files.get_file(source, str(part))
            if wanted.digest and digest_file(part) != wanted.digest:
                raise InvalidInput(f"{storage.shown} has changed since the batch began: start it again.")

    def _make_room(self) -> None:
        """Remove files that no process of this machine uses, until the others are few enough."""
        found = []
        for path in self.folder.glob(f"*/{CONTENT}/*"):
            with suppress(OSError):  # another process is faster
                found.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.most:
                return
            total -= size * self._removed(path)

    def _removed(self, path: Path) -> bool:
        """Remove a file unless it is used; return whether it is gone."""
        folder = path.parent.parent
        sweep(folder)  # marks of killed workers
        with suppress(Timeout, OSError), FileLock(folder / LOCK, timeout=0):
            if not any(folder.glob("*.part")):
                path.unlink(missing_ok=True)
                return True
        return False

    def _path(self, address: str) -> Path:
        name = PurePosixPath(file_name(address))
        key = sha256(address.encode()).hexdigest()[:16]
        folder = self.folder / key / CONTENT
        return folder / f"{safe_name(name.stem)}{name.suffix and '.' + safe_name(name.suffix)}"


def _decoded(address: str) -> str:
    """Return the URL of a file of this machine as fsspec reads it; Path.as_uri() writes a space as %20."""
    decoded = unquote(address)
    if decoded == address or not address.lower().startswith("file://"):
        return address
    found = []
    for each in (address, decoded):
        files, path = _storage(each).open()
        found.append(files.exists(path))
    return decoded if found == [False, True] else address


def _storage(address: str) -> Storage:
    return Storage(address, "The file", InvalidInput)


def _with_urls(text: str, inputs: Iterable[RemoteInput]) -> str:
    for each in inputs:
        text = text.replace(str(each.path), _storage(each.address).shown)
    return text
