"""Files that appear under their name only when they are whole, and temporary files of killed processes."""

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

MAX_NAME = 50  # characters of the target's name in that of a temporary file
MAX_IDLE = 24 * 3600  # seconds without a change, after which a writer that cannot be looked up counts as dead
MAX_PID = 1 << 31
START_FIELD = 19  # of /proc/PID/stat, counted from the state that follows the name
OURS = re.compile(
    r".*\.(?:(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<start>\d{1,20})-[0-9a-f]{8}|[0-9a-f]{32})\.part",
    re.DOTALL,
)
"""The name of a temporary file; earlier versions wrote the second form, which names no process."""


def temporary_path(target: Path) -> Path:
    """Return a path beside `target` that no other writer uses, and that is no longer than names may be."""
    start = _start_of(os.getpid()) or 0
    mark = f"{_machine()}-{os.getpid()}-{start}-{uuid.uuid4().hex[:8]}"
    return target.with_name(f"{target.name[:MAX_NAME]}.{mark}.part")


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose writer is dead.

    A writer on this machine is dead if its process has ended. Of one that cannot be looked up, such as on
    another machine that shares the folder, age decides: it is dead if nothing was written for a day. What
    cannot be listed or removed stays: sweeping never stops the work.
    """
    here = _machine()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = OURS.fullmatch(entry.name)
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
    """Return when a file was last written, or anything directly in a folder."""
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
    """Whether a process of this machine still runs; one that began at another time is not the same."""
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
    """Return when a process began, in ticks of Linux's clock; None where that cannot be known."""
    try:
        _, _, fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
        return int(fields.split()[START_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def _machine() -> str:
    """Identify this machine since it was started, and in a container the processes seen from here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        seen = [platform.node(), boot, os.readlink("/proc/self/ns/pid")]
    except OSError:  # not Linux
        seen = [platform.node(), str(uuid.getnode())]
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()[:8]


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def part_of(target: Path) -> Path:
    """Return the path of a download that is not whole, which a later one resumes."""
    return target.with_name(f"{target.name}.part")


@contextmanager
def atomic_write(target: str | Path) -> Iterator[BinaryIO]:
    """Give a binary file to write; at the end of the block it becomes `target`.

    On any exception the part is removed and an existing target stays as it was. Any OSError in the block is
    taken for one of writing and becomes StorageError.
    """
    with atomic_path(target) as part, storage_errors(Path(target)), part.open("wb") as file:
        yield file


def write_text(target: str | Path, text: str) -> None:
    """Write a text in UTF-8, with line ends as they are; raises StorageError where that fails.

    What has no place in UTF-8, as in names of files in other encodings, is escaped as JSON does.
    """
    with atomic_write(target) as file:
        file.write(text.encode(errors="backslashreplace"))


def write_json(target: str | Path, values: object) -> None:
    """Write plain values as JSON that people can read too; raises StorageError."""
    write_text(target, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give the path of an empty file, for a program to write; at the end of the block it becomes `target`.

    On any exception the part is removed and an existing target stays as it was. Exceptions of the block pass
    through unchanged.
    """
    target = Path(target)
    check_target(target)
    with scratch_file(target) as part:
        yield part
        with storage_errors(target):
            with part.open("rb+") as file:
                sync(file)
            os.replace(part, target)


@contextmanager
def scratch_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty file beside `target`, removed at the end of the block if still there."""
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
    """Give an empty folder beside `target`, removed with all it holds at the end if still there."""
    part = temporary_path(target)
    sweep(target.parent)
    with storage_errors(target):
        part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_target(target: str | Path) -> None:
    """Raise StorageError where `target` cannot become a file because it is a folder."""
    with storage_errors(Path(target)):
        if Path(target).is_dir():
            raise StorageError(f"{str(target)!r} is a folder: name the file that is to be written in it.")


def check_writable(target: str | Path) -> None:
    """Raise StorageError, before long work, where no file can be written to `target`."""
    target = Path(target).absolute()
    check_target(target)
    there = next(folder for folder in target.parents if folder.exists())
    with scratch_file(there / target.name):
        pass


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn every OSError of writing `target` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = "free some space there" if error.errno in FULL else "check that the folder may be written to"
        raise StorageError(
            f"{target} could not be written ({error.strerror}): {remedy}, or choose another folder."
        ) from error


def sync(file: BinaryIO) -> None:
    """Have the system put on disk what was written, so that a move afterwards never shows half a file."""
    file.flush()
    os.fsync(file.fileno())
