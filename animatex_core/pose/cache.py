"""Poses that were found once, kept in a folder under a digest of everything that they depend on."""

import hashlib
import io
import json
import os
import re
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..errors import AnimateXWarning, InvalidInput, StorageError
from ..utils.files import atomic_write, sweep
from ..utils.progress import Progress, no_progress
from ..utils.validation import may_block
from .keypoints import PoseSequence

VERSION = (
    2  # to be raised whenever the same clip, nets and settings give other poses, or are stored otherwise
)
CHUNK = 1 << 20
MAX_BYTES = 1 << 30  # of all entries together; a minute of poses takes about 1 MB
MAX_AGE = 90 * 24 * 3600  # seconds since an entry was last used
ENTRY = re.compile(r"[0-9a-f]{64}\.npz")
MAX_ENTRY_BYTES = 1 << 28  # of one entry; a clip of hours takes less
DIGEST_BYTES = hashlib.sha256().digest_size
UNREADABLE = (OSError, EOFError, KeyError, TypeError, ValueError, MemoryError, zipfile.BadZipFile)


def key_of(content: Sequence[str], settings: Mapping[str, object]) -> str:
    """Return the key of poses: 64 hexadecimal digits.

    content: digests of the clip and of the nets, in their order. settings: everything else that the poses
    depend on, such as the chosen frames, the person and detect_every, as JSON can hold it.
    """
    stated = json.dumps([VERSION, list(content), settings], sort_keys=True, default=_plain)
    return hashlib.sha256(stated.encode()).hexdigest()


def digest_file(path: Path, progress: Progress = no_progress) -> str:
    """Return the digest of a file's content; raises InvalidInput where it cannot be read.

    progress: called with the bytes read and those in all; what it raises ends the work.
    """
    digest = hashlib.sha256()
    if may_block(path):
        raise InvalidInput(f"{path} is a pipe or device: name a file.")
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
    """Return the digest of pictures (h, w, 3) uint8, of which only one needs to be in memory."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(repr(frame.shape).encode())
        digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


class PoseCache:
    """A folder of poses. It is an aid: what cannot be read or written there never stops the work.

    Its size and age are bounded: entries that were not used for the longest time are removed first. Several
    processes may share it, and what killed ones left in it is swept.

    Args:
        folder: Where the entries lie; created when the first is written.
        max_bytes: Size of all entries together.
        max_age: Seconds after which an unused entry is removed.

    """

    def __init__(self, folder: str | Path, max_bytes: int = MAX_BYTES, max_age: float = MAX_AGE) -> None:
        self.folder = Path(folder)
        self.max_bytes, self.max_age = max_bytes, max_age
        self._has_warned = False

    def cached(self, key: str, compute: Callable[[], PoseSequence]) -> PoseSequence:
        """Return the poses of a key, computed and kept where they are not known."""
        poses = self.get(key)
        if poses is None:
            poses = compute()
            self.put(key, poses)
        return poses

    def get(self, key: str) -> PoseSequence | None:
        """Return the poses of a key, None where they are not known or their file is damaged.

        A file without a digest, as earlier versions wrote it, counts as damaged.
        """
        sweep(self.folder)
        path = self._path(key)
        try:
            poses = _poses_of(_content(path, key))
        except UNREADABLE:
            return None
        with suppress(OSError):  # its time of change says when it was last used
            os.utime(path)
        return poses

    def put(self, key: str, poses: PoseSequence) -> None:
        """Keep poses under a key. The first time that this fails an AnimateXWarning says so."""
        try:
            with atomic_write(self._path(key)) as file:
                content = _archive_of(poses)
                file.write(content + _digest(key, content))
        except StorageError as error:
            if not self._has_warned:
                warnings.warn(AnimateXWarning(f"Poses are not kept for later: {error}"), stacklevel=2)
            self._has_warned = True
            return
        self._trim()

    def _trim(self) -> None:
        """Remove entries that are too old, and the least recently used ones beyond the size."""
        oldest, total = time.time() - self.max_age, 0
        for used, size, path in sorted(self._entries(), reverse=True):
            total += size
            if used < oldest or total > self.max_bytes:
                with suppress(OSError):
                    os.unlink(path)

    def _entries(self) -> list[tuple[float, int, str]]:
        """List when each entry was last used, its bytes and its path."""
        found = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if ENTRY.fullmatch(entry.name):
                    with suppress(OSError):  # another process may remove it at this moment
                        state = entry.stat()
                        found.append((state.st_mtime, state.st_size, entry.path))
        return found

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def _archive_of(poses: PoseSequence) -> bytes:
    archive = io.BytesIO()
    size = np.array([poses.width, poses.height])
    np.savez_compressed(archive, points=poses.points, size=size, fps=np.array(poses.fps or 0.0))
    return archive.getvalue()


def _poses_of(content: bytes) -> PoseSequence:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        width, height = (int(side) for side in stored["size"])
        fps = float(stored["fps"])
        return PoseSequence.from_points(stored["points"], width, height, fps if fps > 0 else None)


def _content(path: Path, key: str) -> bytes:
    """Return the archive in an entry, whose digest follows it; raises ValueError where the digest is another.

    Damaged bytes are not parsed: a wrong header could ask for any amount of memory, or give other poses.
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
    """Return what ends an entry: an entry under another key is none."""
    return hashlib.sha256(key.encode() + b"\0" + content).digest()


def _plain(value: object) -> object:
    """Turn what numpy and pathlib hold into what JSON knows."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise InvalidInput(f"settings hold {value!r}, but a key of poses is made of plain values only.")
