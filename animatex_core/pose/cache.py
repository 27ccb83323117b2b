"""Cache of detected poses: a folder of files named by a digest of everything the poses depend on."""

import hashlib
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..errors import InvalidInput, StorageError, warn
from ..utils.files import atomic_write, sweep
from ..utils.progress import Progress, no_progress
from ..utils.validation import may_block
from .keypoints import PoseSequence

VERSION = 3  # raise it when the same video, models and settings give other poses or another file format
CHUNK = 1 << 20
MAX_BYTES = 1 << 30  # total size of all entries; a minute of poses takes about 1 MB
MAX_AGE = 90 * 24 * 3600  # seconds since the last use of an entry
ENTRY = re.compile(r"[0-9a-f]{64}\.npz")
MAX_ENTRY_BYTES = 1 << 28  # size of one entry; hours of video take less
DIGEST_BYTES = hashlib.sha256().digest_size
UNREADABLE = (OSError, EOFError, KeyError, TypeError, ValueError, MemoryError, zipfile.BadZipFile)


def cache_key(content: Sequence[str], settings: Mapping[str, object]) -> str:
    """Return the cache key of poses: 64 hexadecimal digits.

    Args:
        content: Digests of the video and of the models, in this order.
        settings: Everything else the poses depend on, such as the chosen frames, person and detect_every, as
            JSON values.

    Raises:
        InvalidInput: A setting is not a plain value.

    """
    stated = json.dumps([VERSION, list(content), settings], sort_keys=True, default=_plain)
    return hashlib.sha256(stated.encode()).hexdigest()


def digest_file(path: Path, progress: Progress = no_progress) -> str:
    """Return the SHA-256 digest of a file.

    Args:
        path: The file.
        progress: Called with the bytes read and the total. An exception it raises stops the work.

    Raises:
        InvalidInput: The file cannot be read.

    """
    digest = hashlib.sha256()
    if may_block(path):
        raise InvalidInput(f"{path} is a pipe or device: give a file.")
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                progress(min(file.tell(), size), size)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions."
        ) from error
    return digest.hexdigest()


def digest_frames(frames: Iterable[np.ndarray]) -> str:
    """Return the SHA-256 digest of frames (h, w, 3) uint8; only one at a time is kept in memory."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(repr(frame.shape).encode())
        digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


class PoseCache:
    """A folder of cached poses. A failing read or write never stops the work.

    Size and age are limited: the least recently used entries are removed first. Several processes may share
    the folder, and temporary files left by killed processes are removed.

    Args:
        folder: Where entries are stored; created when the first one is written.
        max_bytes: Total size of all entries.
        max_age: Seconds after which an unused entry is removed.

    """

    def __init__(self, folder: str | Path, max_bytes: int = MAX_BYTES, max_age: float = MAX_AGE) -> None:
        self.folder = Path(folder)
        self.max_bytes, self.max_age = max_bytes, max_age
        self._has_warned = False

    def cached(self, key: str, compute: Callable[[], PoseSequence]) -> PoseSequence:
        """Return the poses for a key; if they are not cached, compute and store them."""
        poses = self.get(key)
        if poses is None:
            poses = compute()
            self.put(key, poses)
        return poses

    def get(self, key: str) -> PoseSequence | None:
        """Return the poses for a key, or None if they are not cached or their file is damaged.

        A file without a digest, as written by earlier versions, counts as damaged.
        """
        people = self.get_people(key)
        return None if people is None else people[0]

    def get_people(self, key: str) -> tuple[PoseSequence, ...] | None:
        """Return the poses of each person for a key, as `get` does for one."""
        sweep(self.folder)
        path = self._path(key)
        try:
            people = _people_of(_content(path, key))
        except UNREADABLE:
            return None
        with suppress(OSError):  # the modification time records the last use
            os.utime(path)
        return people

    def put(self, key: str, poses: PoseSequence) -> None:
        """Store poses under a key. The first failure causes an AnimateXWarning."""
        self.put_people(key, (poses,))

    def put_people(self, key: str, people: Sequence[PoseSequence]) -> None:
        """Store the poses of one or more people of a video under a key, as `put` does for one."""
        try:
            with atomic_write(self._path(key)) as file:
                content = _archive_of(people)
                file.write(content + _digest(key, content))
        except StorageError as error:
            if not self._has_warned:
                warn(f"The poses could not be cached: {error}")
            self._has_warned = True
            return
        self._trim()

    def _trim(self) -> None:
        """Remove entries that are too old, and the least recently used ones beyond the size limit."""
        oldest, total = time.time() - self.max_age, 0
        for used, size, path in sorted(self._entries(), reverse=True):
            total += size
            if used < oldest or total > self.max_bytes:
                with suppress(OSError):
                    os.unlink(path)

    def _entries(self) -> list[tuple[float, int, str]]:
        """List the time of last use, size in bytes and path of each entry."""
        found = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if ENTRY.fullmatch(entry.name):
                    with suppress(OSError):  # another process may be removing it
                        state = entry.stat()
                        found.append((state.st_mtime, state.st_size, entry.path))
        return found

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def _archive_of(people: Sequence[PoseSequence]) -> bytes:
    archive = io.BytesIO()
    first = people[0]
    points = np.concatenate([poses.points for poses in people])
    size = np.array([first.width, first.height])
    # Entries of one person are the same as those of earlier versions.
    arrays = {"points": points, "size": size, "fps": np.array(first.fps or 0.0)}
    if len(people) > 1:
        arrays["people"] = np.array(len(people))
    np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]  # numpy's flag is no array
    return archive.getvalue()


def _people_of(content: bytes) -> tuple[PoseSequence, ...]:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        width, height = (int(side) for side in stored["size"])
        fps = float(stored["fps"])
        count = int(stored["people"]) if "people" in stored else 1
        parts = np.split(stored["points"], count)
        return tuple(
            PoseSequence.from_points(points, width, height, fps if fps > 0 else None) for points in parts
        )


def _content(path: Path, key: str) -> bytes:
    """Return an entry's archive; raise ValueError if it does not match the digest that follows it.

    Damaged bytes are never parsed: a wrong header could allocate any amount of memory or give wrong poses.
    """
    if may_block(path):
        raise ValueError("the entry is a pipe or device")
    with path.open("rb") as file:
        entry = file.read(MAX_ENTRY_BYTES + 1)
    content, digest = entry[:-DIGEST_BYTES], entry[-DIGEST_BYTES:]
    if len(entry) > MAX_ENTRY_BYTES or digest != _digest(key, content):
        raise ValueError("the entry is damaged")
    return content


def _digest(key: str, content: bytes) -> bytes:
    """Return the digest that ends an entry. It includes the key, so a renamed entry is invalid."""
    return hashlib.sha256(key.encode() + b"\0" + content).digest()


def _plain(value: object) -> object:
    """Convert numpy values to JSON values."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise InvalidInput(
        f"settings contain {value!r}, but a cache key needs plain values: pass numbers, strings or lists."
    )
