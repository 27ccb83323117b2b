"""Where the results of a batch are: in its folder, or at a URL of a storage that fsspec knows."""

import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Protocol

from ..errors import AnimateXError, InvalidInput, StorageError
from ..utils.files import MAX_IDLE, scratch_folder
from .run import Job
from .storage import Storage

# Objects of these appear when they are complete. Elsewhere files are uploaded under another name and moved.
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})
CHECK = ".animatex-check"  # the name of the empty file that shows that files can be written
PART = re.compile(r"\.animatex-[0-9a-f]{32}\.part")  # names of unfinished uploads


class Results(Protocol):
    """Where results are. It can be pickled if workers are on other machines."""

    def url(self, name: str) -> str | None:
        """Return the URL of a result without passwords; None if it is in the folder of the batch."""
        ...

    def sizes(self, jobs: Sequence[Job]) -> Mapping[str, int]:
        """Return the bytes of the results that exist, by the names of their jobs; may raise StorageError."""
        ...

    def expecting(self, new: frozenset[str]) -> "Results":
        """Return results that do not replace some, by name, that did not exist when the batch began."""
        ...

    def check(self) -> None:
        """Check that results can be written, before the work begins; may raise StorageError."""
        ...

    def require_usable(self) -> None:
        """Raise MissingDependency or InvalidInput if this machine lacks what the storage needs."""
        ...

    def writing(self, job: Job) -> AbstractContextManager[Path]:
        """Return a block with the path of a local file, which is the result of a job at the end of the block.

        The result appears complete or not at all, and replaces one that is there.
        """
        ...


@dataclass(frozen=True)
class LocalResults:
    """Results in the folder of the batch."""

    def url(self, name: str) -> None:
        """Return None."""

    def sizes(self, jobs: Sequence[Job]) -> dict[str, int]:
        """Return the bytes of the results that exist."""
        return {job.name: _size(job.out) for job in jobs if job.out.exists()}

    def expecting(self, new: frozenset[str]) -> "LocalResults":
        """Return these: nobody else writes to the folder."""
        return self

    def check(self) -> None:
        """Check nothing: the manifest is in the same folder."""

    def require_usable(self) -> None:
        """Require nothing."""

    def writing(self, job: Job) -> AbstractContextManager[Path]:
        """Return the path of the result itself, which is written completely or not at all anyway."""
        return nullcontext(job.out)


@dataclass(frozen=True)
class RemoteResults:
    """Results at a URL. Each is written to a local temporary file first.

    Attributes:
        address: The URL of the folder, of any protocol that fsspec knows.
        new: Names of results that did not exist when the batch began, and that must not exist when they are
            put there.

    """

    address: str
    new: frozenset[str] = frozenset()

    def url(self, name: str) -> str:
        """Return the URL of a result without the password, if there is one."""
        return f"{self._storage.shown}/{name}"

    def sizes(self, jobs: Sequence[Job]) -> dict[str, int]:
        """Return the bytes of the results that exist, from one listing of the folder."""
        files, root = self._storage.open()
        with self._storage.errors("read"):
            files.invalidate_cache()
            found = files.find(root, detail=True)
        sizes = {path[len(root) + 1 :]: entry["size"] for path, entry in found.items()}
        return {job.name: sizes[job.name] or 0 for job in jobs if job.name in sizes}

    def expecting(self, new: frozenset[str]) -> "RemoteResults":
        """Return results that do not replace some, by name, that did not exist when the batch began."""
        return replace(self, new=new)

    def check(self) -> None:
        """Write an empty file, and remove it and what killed workers left."""
        files, root = self._storage.open()
        with self._storage.errors("written"):
            _make_folder(files, root)
            files.pipe_file(f"{root}/{CHECK}", b"")
        with suppress(Exception):  # of any kind; who may write may not always delete
            files.rm_file(f"{root}/{CHECK}")
        with suppress(Exception):
            _sweep(files, root)

    def require_usable(self) -> None:
        """Raise MissingDependency or InvalidInput if this machine lacks what the storage needs."""
        self._storage.open()

    @contextmanager
    def writing(self, job: Job) -> Iterator[Path]:
        """Yield the path of a temporary file, and upload it after the block."""
        with scratch_folder(Path(gettempdir()) / "animatex-result") as folder:
            folder.chmod(0o700)  # others may read the folder of temporary files
            path = folder / job.out.name
            try:
                yield path
            except InvalidInput as error:  # the video may have been written all the same
                if not path.exists():
                    raise
                self._upload(path, job)
                raise InvalidInput(str(error).replace(str(path), self.url(job.name))) from error
            self._upload(path, job)

    def _upload(self, path: Path, job: Job) -> None:
        try:
            self._put(path, job.name)
        except AnimateXError as error:  # a failing network must not lose hours of sampling
            kind = InvalidInput if isinstance(error, InvalidInput) else StorageError
            with suppress(OSError):
                job.out.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, job.out)
                raise kind(f"{error} The result is in {job.out} instead.") from error
            raise

    def _put(self, path: Path, name: str) -> None:
        files, root = self._storage.open()
        target = f"{root}/{name}"
        with self._storage.errors("written"):
            self._require_free(files, target, name)
            if _is_object_store(files):
                files.put_file(str(path), target)
                return
            folder = target.rpartition("/")[0]
            _make_folder(files, folder)
            part = f"{folder}/{_temporary_name()}"
            try:
                files.put_file(str(path), part)
                _move(files, part, target)
            except BaseException:
                with suppress(Exception):  # of any kind; the reason why it failed counts
                    files.rm_file(part)
                raise

    def _require_free(self, files: Any, target: str, name: str) -> None:
        files.invalidate_cache()  # has the listing from when the batch began
        if not _is_object_store(files) and files.isdir(target):  # the file would be moved into it
            raise InvalidInput(
                f"{self.url(name)!r} is a directory: move it away, or choose another place with --results."
            )
        if name in self.new and files.exists(target):
            raise InvalidInput(
                f"{self.url(name)!r} was written while this batch was running, by something else or by a "
                "worker that was lost: choose another place with --results, or start the batch again to "
                "replace it."
            )

    @property
    def _storage(self) -> Storage:
        return Storage(self.address, "--results", StorageError)


def _is_object_store(files: Any) -> bool:
    names = [files.protocol] if isinstance(files.protocol, str) else files.protocol
    return not OBJECT_STORES.isdisjoint(names)


def _make_folder(files: Any, path: str) -> None:
    if not _is_object_store(files):  # those have none; s3fs would create the bucket
        files.makedirs(path, exist_ok=True)


def _sweep(files: Any, root: str) -> None:
    """Remove unfinished uploads that have not changed for a day; where nothing says when, they are kept."""
    if _is_object_store(files):  # those have none
        return
    for path, entry in files.find(root, detail=True).items():
        if PART.fullmatch(path.rpartition("/")[2]) is None:
            continue
        with suppress(Exception):
            changed = entry.get("mtime") or files.modified(path)
            seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed)
            if time.time() - seconds > MAX_IDLE:
                files.rm_file(path)


def _move(files: Any, path: str, target: str) -> None:
    if type(files).mv.__module__ != "fsspec.spec":
        files.mv(path, target)
        return
    files.cp_file(path, target)  # what all file systems inherit takes brackets in names for a pattern
    with suppress(Exception):  # the result is complete
        files.rm_file(path)


def _temporary_name() -> str:
    return f".animatex-{uuid.uuid4().hex}.part"


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
