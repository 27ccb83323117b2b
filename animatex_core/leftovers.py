"""Temporary files that killed processes left behind: how they are named, and how they are found and removed.

A temporary file lies beside its target as `NAME.MACHINE-PID-RANDOM.part`, so that it can be recognized as
ours, and as one that nobody writes any more. Partial downloads (`NAME.part`), which are resumed, have another
form.
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
MAX_IDLE = 24 * 3600  # seconds without a change, after which any writer counts as dead
MAX_PID = 1 << 31
OURS = re.compile(r"\.(?:(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-[0-9a-f]{8}|[0-9a-f]{32})\.part")
"""The end of a temporary file's name; earlier versions wrote the second form, which names no process."""


def temporary_path(target: Path) -> Path:
    """Return a path beside `target` that no other writer uses, and that is no longer than names may be."""
    mark = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return target.with_name(f"{target.name[:MAX_NAME]}.{mark}.part")


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose writer is dead.

    A writer is dead if its process has ended on this machine, or if nothing was written for a day. What
    cannot be listed or removed stays: sweeping never stops the work.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = OURS.search(entry.name) if entry.name.endswith(".part") else None
            if mark is not None and mark.end() == len(entry.name) and _is_abandoned(entry, mark):
                _remove(entry)


def _is_abandoned(entry: os.DirEntry[str], mark: re.Match[str]) -> bool:
    if mark["machine"] == _machine() and not _is_running(int(mark["pid"])):
        return True
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > MAX_IDLE
    except OSError:  # another process was faster
        return False


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
        return
    with suppress(OSError):
        os.unlink(entry.path)


def _is_running(pid: int) -> bool:
    if os.name == "nt" or pid >= MAX_PID:  # where asking would end the process, age alone decides
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, but belongs to somebody else
        return True
    return True


def _machine() -> str:
    """Identify this machine and, in a container, the processes that can be seen from here."""
    seen = [platform.node(), str(uuid.getnode())]
    with suppress(OSError):
        seen.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()[:8]
