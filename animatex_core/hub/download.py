"""Downloads that are resumed, are checked by digest, and get their name only when whole.

Files of a hub come through `huggingface_hub`, those with an address of their own, or from a mirror that only
serves files, by plain HTTP.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..checkpoints.file_signatures import head_of, mistaken_for
from ..errors import DownloadError, InvalidInput
from ..utils.files import storage_errors
from ..utils.progress import Progress, no_progress
from .catalogue import ModelFile, resolve
from .checksum import record_digest, recorded_digest, verify
from .partial_download import PartialDownload
from .retries import Attempts


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
    """Fetch a file of the catalogue into `folder`; one that is there is only verified.

    Where no digest is known, the one that came is recorded and expected from then on.

    Args:
        model_file: What to fetch.
        folder: Where to put it.
        base_url: The model hub, where the file names no URL of its own.
        on_progress: See Progress; also called while an existing file is verified.
        tries: Attempts in a row that may bring nothing new.
        pause: Seconds before the next attempt, where the server does not ask for more.
        timeout: Seconds of silence that count as a broken connection.

    Returns:
        The path of the file.

    Raises:
        DownloadError: It cannot be had, is not whole, has another digest, or is already being fetched.
        StorageError: It cannot be written.
        InvalidInput: `base_url` is no URL.

    """
    existing = resolve(model_file, [folder])
    if existing:
        verify(model_file, existing, on_progress).require("move it away and download it again")
        return existing
    url = _url(model_file, base_url)
    transfer = _Transfer(model_file, PartialDownload(folder / model_file.name), url, on_progress, timeout)
    with storage_errors(transfer.part.target):
        folder.mkdir(parents=True, exist_ok=True)
    with transfer.part.reserved():
        transfer.run(base_url, Attempts(tries, pause))
    return transfer.part.target


@dataclass(frozen=True)
class _Transfer:
    """A file on its way here; see `download` for the attributes."""

    model_file: ModelFile
    part: PartialDownload
    url: str
    on_progress: Progress
    timeout: float

    def run(self, base_url: str, attempts: Attempts) -> None:
        """Fetch the file, check it and give it its name; raises as `download`."""
        self._fetch(base_url, attempts)
        self._require_a_file()
        arrived = verify(self.model_file, self.part.path, name=self.part.target)
        if arrived.status == "mismatch":
            self.part.discard()  # to go on with it could never succeed
        remedy = "it was deleted, so try again, and if it comes the same, compare it with the hub's page"
        arrived.require(remedy)
        self.part.place()
        if arrived.expected is None:
            record_digest(self.part.target, arrived.digest)

    def _require_a_file(self) -> None:
        said = mistaken_for(head_of(self.part.path), any_file=True)
        if said is not None:
            self.part.discard()
            raise DownloadError(f"What came from {self.url} {said}.")

    def _fetch(self, base_url: str, attempts: Attempts) -> None:
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
            f"the model hub is {base_url!r}, but it must be like https://example.org: correct HF_ENDPOINT."
        )
    return f"{base_url.rstrip('/')}/{model_file.repository}/resolve/main/{quote(model_file.path)}"


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return bool(host) and parts.port != 0 and re.fullmatch(r"https?://[!-~]+", text) is not None
    except ValueError:  # from a bracket left open, a port that is no number, a host with an empty label
        return False
