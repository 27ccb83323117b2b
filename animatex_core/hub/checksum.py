"""Checksums: whether a file is the one that the catalogue lists.

If the catalogue has no digest, that of the first download is stored next to the file in sha256sum's format.
"""

import hashlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DownloadError
from ..utils.files import write_text
from ..utils.progress import Progress, no_progress
from .catalogue import ModelFile

CHUNK = 1 << 20
RECORD_BYTES = 1 << 12


@dataclass(frozen=True)
class ChecksumResult:
    """The digest of a file and the expected one.

    Attributes:
        path: The file.
        digest: Its sha256.
        size: Its size in bytes.
        expected: The expected sha256; None if unknown.
        expected_size: The expected size; None if unknown.
        source: Where the expected values come from, for messages.

    """

    path: Path
    digest: str
    size: int
    expected: str | None
    expected_size: int | None
    source: str

    @property
    def status(self) -> Literal["ok", "mismatch", "unknown"]:
        """Whether they agree; "unknown" if there is no digest to compare with."""
        if self.expected not in (None, self.digest) or self.expected_size not in (None, self.size):
            return "mismatch"
        return "ok" if self.expected else "unknown"

    def __str__(self) -> str:
        if self.status == "unknown":
            return f"{self.path} has sha256 {self.digest}, and no digest to compare it with is known"
        if self.status == "ok":
            return f"{self.path} matches ({self.source})"
        return (
            f"{self.path} has sha256 {self.digest} and {self.size} bytes instead of sha256 "
            f"{self.expected or '(unknown)'} and {self.expected_size or '(unknown)'} bytes ({self.source})"
        )

    def raise_for_mismatch(self, remedy: str) -> None:
        """Raise DownloadError with both digests and the remedy if they differ."""
        if self.status == "mismatch":
            raise DownloadError(f"{self}: {remedy}.")


def verify(
    model_file: ModelFile, path: Path, on_progress: Progress = no_progress, *, name: Path | None = None
) -> ChecksumResult:
    """Compare a file with the catalogue, or with the digest recorded at its first download.

    Args:
        model_file: Its entry in the catalogue.
        path: The file.
        on_progress: Called with the bytes read and those of the file.
        name: The path whose recorded digest counts, if the file does not have its final name yet.

    Returns:
        The comparison.

    Raises:
        DownloadError: The recorded digest is damaged, or the file cannot be read.

    """
    name = name or path
    recorded = None if model_file.sha256 else recorded_digest(name)
    record = f"recorded in {record_path(name).name} at the first download"
    return ChecksumResult(
        path=path,
        digest=_sha256(path, on_progress),
        size=path.stat().st_size,
        expected=model_file.sha256 or recorded,
        expected_size=model_file.size,
        source=record if recorded else "models.yaml, read in third-party texts",
    )


def record_path(path: Path) -> Path:
    """Return the path of a file's recorded digest."""
    return path.with_name(f"{path.name}.sha256")


def record_digest(path: Path, digest: str) -> None:
    """Record the digest of a first download; raises StorageError."""
    write_text(record_path(path), f"{digest}  {path.name}\n")


def recorded_digest(path: Path) -> str | None:
    """Return the recorded digest, None if there is none; raises DownloadError if it is damaged."""
    record = record_path(path)
    if not record.is_file():
        return None
    digest = _beginning(record).partition(" ")[0].lower()
    if len(digest) != 64:
        raise DownloadError(f"{record} contains no sha256: delete it to accept the file as it is.")
    return digest


def _beginning(record: Path) -> str:
    with record.open("rb") as file:
        return file.read(RECORD_BYTES).decode("utf-8-sig", errors="replace")


def _sha256(path: Path, on_progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with closing(_chunks(path)) as chunks:
        for chunk, total in chunks:
            digest.update(chunk)
            done += len(chunk)
            on_progress(done, total)
    return digest.hexdigest()


def _chunks(path: Path) -> Generator[tuple[bytes, int], None, None]:
    """Yield the chunks of a file, each with the size of the whole."""
    try:
        with path.open("rb") as file:
            total = path.stat().st_size
            while chunk := file.read(CHUNK):
                yield chunk, total
    except OSError as error:
        raise DownloadError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
