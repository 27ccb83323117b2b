"""Temporary files that killed processes left behind: how they are named, and how they are found and removed.

A temporary file lies beside its target as `NAME.MACHINE-PID-START-RANDOM.part`, so that it can be recognized
as ours, and as one that nobody writes any more. Partial downloads (`NAME.part`), which are resumed, have
another form.
"""

import hashlib
import os
import platform
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

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
