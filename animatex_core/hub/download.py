"""Downloads that resume, are verified by checksum, and get their final name only when complete.

Files on a hub are fetched with `huggingface_hub`; files with a URL of their own, or from a mirror that only
serves files, with plain HTTP.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..checkpoints.file_signatures import describe_wrong_file, read_head
from ..errors import DownloadError, InvalidInput
from ..utils.files import storage_errors
from ..utils.progress import Progress, no_progress
from .catalogue import ModelFile, resolve
from .checksum import record_digest, recorded_digest, verify
from .partial_download import PartialDownload, RetryPolicy


def download(
    model_file: ModelFile,
    folder: Path,
    *,
    base_url: str,
    on_progress: Progress = no_progress,
    tries: int = 5,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> Path:
    """Download a file of the catalogue into `folder`; an existing file is only verified.

    If the catalogue has no digest, that of the first download is recorded and required from then on.

    Args:
        model_file: What to download.
        folder: The destination directory.
        base_url: The model hub, for files without a URL of their own.
        on_progress: Called with the bytes downloaded and the total, also while an existing file is verified.
        tries: Consecutive attempts without new data before giving up.
        pause: Seconds before the next attempt, unless the server asks for more.
        timeout: Seconds without data after which a connection counts as broken.

    Returns:
        The path of the file.

    Raises:
        DownloadError: The file is not available, incomplete or different from the expected one, or another
            process is downloading it.
        StorageError: It cannot be written.
        InvalidInput: `base_url` is not a URL.

    """
    existing = resolve(model_file, [folder])
    if existing:
        verify(model_file, existing, on_progress).raise_for_mismatch("move it away and download it again")
        return existing
    url = _url(model_file, base_url)
    transfer = _Transfer(model_file, PartialDownload(folder / model_file.name), url, on_progress, timeout)
    with storage_errors(transfer.part.target):
        folder.mkdir(parents=True, exist_ok=True)
    with transfer.part.reserved():
        transfer.run(base_url, RetryPolicy(tries, pause))
    return transfer.part.target


@dataclass(frozen=True)
class _Transfer:
    """A download in progress; see `download` for the attributes."""

    model_file: ModelFile
    part: PartialDownload
    url: str
    on_progress: Progress
    timeout: float

    def run(self, base_url: str, attempts: RetryPolicy) -> None:
        """Download the file, verify it and give it its final name; raises as `download`."""
        self._fetch(base_url, attempts)
        self._require_a_file()
        arrived = verify(self.model_file, self.part.path, name=self.part.target)
        if arrived.status == "mismatch":
            self.part.discard()  # resuming it could never succeed
        remedy = "it was deleted, so try again, and if it is the same, compare it with the hub's page"
        arrived.raise_for_mismatch(remedy)
        self.part.place()
        if arrived.expected is None:
            record_digest(self.part.target, arrived.digest)

    def _require_a_file(self) -> None:
        fault = describe_wrong_file(read_head(self.part.path), any_file=True)
        if fault is not None:
            self.part.discard()
            raise DownloadError(f"The response from {self.url} {fault}.")

    def _fetch(self, base_url: str, attempts: RetryPolicy) -> None:
        from .http import HttpDownload
        from .huggingface import HubDownload, NotAHubError

        if self.model_file.url is None:
            endpoint = base_url.rstrip("/")
            from_hub = HubDownload(self.model_file, self.part, endpoint, self.on_progress, self.timeout)
            with suppress(NotAHubError):
                return from_hub.run(attempts)
        checked = bool(self.model_file.sha256 or recorded_digest(self.part.target))
        return HttpDownload(
            self.url, self.part, self.model_file.size, checked, self.on_progress, self.timeout
        ).run(attempts)


def _url(model_file: ModelFile, base_url: str) -> str:
    if model_file.url:
        return model_file.url
    if not _is_base_url(base_url):
        raise InvalidInput(
            f"The model hub is {base_url!r}, but it must look like https://example.org: correct HF_ENDPOINT."
        )
    return f"{base_url.rstrip('/')}/{model_file.repository}/resolve/main/{quote(model_file.path)}"


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return bool(host) and parts.port != 0 and re.fullmatch(r"https?://[!-~]+", text) is not None
    except ValueError:  # an unclosed bracket, a port that is not a number, a host with an empty label
        return False
