"""Atomic writes: files appear under their name only when complete, and leftovers are cleaned up."""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import StorageError

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # error numbers for a full disk
MAX_NAME = 50  # characters of the target's name that a temporary name keeps
MAX_IDLE = 24 * 3600  # seconds without a change after which an unknown writer is considered dead
MAX_PID = 1 << 31
START_FIELD = 19  # of /proc/PID/stat, counted from the state that follows the name
TEMPORARY_NAME = re.compile(
    r".*\.(?:(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<start>\d{1,20})-[0-9a-f]{8}|[0-9a-f]{32})\.part",
    re.DOTALL,
)
"""The name of a temporary file; earlier versions wrote the second form, without a process."""


@contextmanager
def atomic_write(target: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `target` at the end of the block.

    On any exception the temporary file is removed and an existing target is left unchanged.

    Args:
        target: The file to write; missing parent directories are created.

    Yields:
        The open temporary file.

    Raises:
        StorageError: Writing failed. This includes every OSError of the block.

    """
    with atomic_path(target) as part, storage_errors(Path(target)), part.open("wb") as file:
        yield file


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Create an empty temporary file, for a program to write, that replaces `target` after the block.

    On any exception the temporary file is removed and an existing target is left unchanged. Exceptions of
    the block pass through unchanged.

    Args:
        target: The file to write; missing parent directories are created.

    Yields:
        The path of the temporary file.

    Raises:
        StorageError: The temporary file cannot be created or moved.

    """
    target = Path(target)
    check_target(target)
    with scratch_file(target) as part:
        yield part
        with storage_errors(target):
            with part.open("rb+") as file:
                sync(file)
            os.replace(part, target)


def write_text(target: str | Path, text: str) -> None:
    """Write UTF-8 text with its line ends unchanged; raises StorageError.

    Characters that UTF-8 cannot represent, such as those of file names in other encodings, are escaped.
    """
    with atomic_write(target) as file:
        file.write(text.encode(errors="backslashreplace"))


def write_json(target: str | Path, values: object) -> None:
    """Write plain values as indented JSON; raises StorageError."""
    write_text(target, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def scratch_file(target: Path) -> Iterator[Path]:
    """Create an empty file next to `target`, removed after the block unless it was moved."""
    part = temporary_path(target)
    sweep(target.parent)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch(exist_ok=False)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Create an empty directory next to `target`, removed with its content after the block unless moved."""
    part = temporary_path(target)
    sweep(target.parent)
    with storage_errors(target):
        part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_target(target: str | Path) -> None:
    """Raise StorageError if `target` is a directory."""
    with storage_errors(Path(target)):
        if Path(target).is_dir():
            raise StorageError(f"{str(target)!r} is a directory: give a file path.")


def check_writable(target: str | Path) -> None:
    """Raise StorageError if `target` cannot be written, to fail before long work."""
    target = Path(target).absolute()
    check_target(target)
    existing = next(folder for folder in target.parents if folder.exists())
    with scratch_file(existing / target.name):
        pass


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn every OSError of the block into a StorageError about `target` that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = (
            "free some space" if error.errno in DISK_FULL_ERRORS else "check that the directory is writable"
        )
        raise StorageError(
            f"{target} could not be written ({error.strerror}): {remedy}, or choose another directory."
        ) from error


def sync(file: BinaryIO) -> None:
    """Flush a file to disk, so that a rename afterwards never exposes a partial file."""
    file.flush()
    os.fsync(file.fileno())


def temporary_path(target: Path) -> Path:
    """Return a path next to `target` that is unique to this process and short enough for a file system."""
    start = _start_of(os.getpid()) or 0
    mark = f"{_machine()}-{os.getpid()}-{start}-{uuid.uuid4().hex[:8]}"
    return target.with_name(f"{target.name[:MAX_NAME]}.{mark}.part")


def sweep(folder: Path) -> None:
    """Remove the temporary files and directories in `folder` whose writer is dead.

    A writer on this machine is dead if its process has ended. A writer that cannot be looked up, for example
    on another machine that shares the directory, is considered dead after a day without changes. Entries that
    cannot be listed or removed are kept: cleaning up never stops the work.
    """
    here = _machine()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = TEMPORARY_NAME.fullmatch(entry.name)
            if mark is not None and _is_abandoned(entry, mark, here):
                _remove(entry)


def _is_abandoned(entry: os.DirEntry[str], mark: re.Match[str], here: str) -> bool:
    if os.name != "nt" and mark["machine"] == here:
        return not _is_running(int(mark["pid"]), int(mark["start"]))
    try:
        return time.time() - _last_change(entry) > MAX_IDLE
    except OSError:  # another process was faster
        return False


def _last_change(entry: os.DirEntry[str]) -> float:
    """Return when a file, or anything directly inside a directory, was last written."""
    changes = [entry.stat(follow_symlinks=False).st_mtime]
    if entry.is_dir(follow_symlinks=False):
        with os.scandir(entry.path) as inside:
            changes += [each.stat(follow_symlinks=False).st_mtime for each in inside]
    return max(changes)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
        return
    with suppress(OSError):
        os.unlink(entry.path)


def _is_running(pid: int, start: int) -> bool:
    """Return whether a process of this machine runs; one with another start time is not the same."""
    if not 0 < pid < MAX_PID:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, but belongs to another user
        pass
    found = _start_of(pid)
    return found is None or not start or found == start


def _start_of(pid: int) -> int | None:
    """Return when a process started, in clock ticks of Linux; None if unknown."""
    try:
        _, _, fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
        return int(fields.split()[START_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def _machine() -> str:
    """Identify this machine since it booted and, in a container, its process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        seen = [platform.node(), boot, os.readlink("/proc/self/ns/pid")]
    except OSError:  # not Linux
        seen = [platform.node(), str(uuid.getnode())]
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()[:8]
