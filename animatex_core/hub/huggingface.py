"""Downloads from the Hugging Face Hub or a mirror, with `huggingface_hub`.

`hf_hub_download` starts over after an interruption, which matters for a base model of 33 GB, so its HTTP
transport writes into our partial file instead. Xet starts over too and is used only on request. HF_ENDPOINT,
HF_TOKEN and the proxy variables of the environment are respected.
"""

import inspect
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .. import __version__
from ..errors import DownloadError
from ..utils.files import DISK_FULL_ERRORS, storage_errors
from ..utils.progress import Progress
from .catalogue import ModelFile
from .http import SOCKS, seconds_to_wait
from .partial_download import TEMPORARY_STATUSES, PartialDownload, RetryPolicy, TemporaryError

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

XET_VARIABLE = "HF_XET_HIGH_PERFORMANCE"
"""The environment variable that requests Xet."""

LOCAL_ERRORS = (OSError, ImportError, RuntimeError, ValueError)
"""Other exceptions of `huggingface_hub`: disk errors, missing packages, Xet, addresses."""

NOT_A_HUB = (405, 501)
"""Status codes of plain file servers, which do not have the hub's API."""


class NotAHubError(Exception):
    """The server only serves files and lacks the metadata that `huggingface_hub` needs."""


@dataclass(frozen=True)
class HubDownload:
    """A download of a hub file into a partial file.

    Attributes:
        model_file: What to download.
        part: Stores the bytes, including those of earlier attempts at the same version.
        endpoint: The base URL of the hub.
        on_progress: Called with the bytes downloaded and the total, 0 if unknown.
        timeout: Seconds to wait for a response of the hub.

    """

    model_file: ModelFile
    part: PartialDownload
    endpoint: str
    on_progress: Progress
    timeout: float

    def run(self, attempts: RetryPolicy) -> None:
        """Download the missing bytes.

        Args:
            attempts: How often to try.

        Raises:
            NotAHubError: The server is not a hub.
            DownloadError: The file is not available or did not arrive completely.
            StorageError: It cannot be written.

        """
        attempts.run(self._attempt, lambda: self.part.size, self._name)

    @property
    def _name(self) -> str:
        return f"{self.endpoint}/{self.model_file.repository}: {self.model_file.path}"

    def _attempt(self) -> None:
        from huggingface_hub.errors import HfHubHTTPError

        # The bases are exceptions of the HTTP library, which differs between versions of huggingface_hub.
        transport = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__) + LOCAL_ERRORS
        try:
            found = self._metadata()
            self._restart_if_changed(found)
            fetch = self._fetch_by_xet if os.environ.get(XET_VARIABLE) else self._fetch_by_http
            fetch(found)
        except HfHubHTTPError as error:
            self._raise_for_status(error)
        except transport as error:
            self._raise_for_transport(error)

    def _metadata(self) -> "HfFileMetadata":
        """Return the hub's metadata of the file."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(self.model_file.repository, self.model_file.path, endpoint=self.endpoint)
        found = get_hf_file_metadata(url, timeout=self.timeout)
        if not found.commit_hash or not found.etag:
            raise NotAHubError
        if None not in (found.size, self.model_file.size) and found.size != self.model_file.size:
            raise DownloadError(
                f"{self._name} has {found.size} bytes, but models.yaml lists {self.model_file.size}: "
                f"compare it with the hub's page."
            )
        return found

    def _restart_if_changed(self, found: "HfFileMetadata") -> None:
        """Discard a partial download of another version of the file."""
        if self.part.etag != found.etag or self.part.size > (found.size or self.part.size):
            self.part.begin(found.etag)

    def _fetch_by_http(self, found: "HfFileMetadata") -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        size = self.part.size
        if size and size == found.size:
            return
        url = hf_hub_url(self.model_file.repository, self.model_file.path, endpoint=self.endpoint)
        with self._reporting_file(found.size or 0) as file:
            http_get(
                url,
                file,
                resume_size=size,
                expected_size=found.size,
                headers=build_hf_headers(library_name="animatex", library_version=__version__),
                **_without_bar(http_get),
            )

    def _reporting_file(self, total: int) -> "_ReportingFile":
        with storage_errors(self.part.path):
            return _ReportingFile(self.part.path, self.on_progress, total)

    def _fetch_by_xet(self, _: "HfFileMetadata") -> None:
        from huggingface_hub import hf_hub_download

        folder = self.part.path.with_name(f"{self.part.path.name}.xet")
        try:
            arrived = hf_hub_download(
                self.model_file.repository,
                self.model_file.path,
                local_dir=folder,
                endpoint=self.endpoint,
                etag_timeout=self.timeout,
                library_name="animatex",
                library_version=__version__,
            )
            os.replace(arrived, self.part.path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _raise_for_status(self, error: Any) -> None:
        """Raise the error that an HTTP status of the hub means."""
        status = getattr(error.response, "status_code", 0)
        if status in NOT_A_HUB:
            raise NotAHubError from error
        if status in TEMPORARY_STATUSES:
            wait = seconds_to_wait(error.response.headers.get("Retry-After"))
            raise TemporaryError(f"the hub responded {status}", wait) from error
        remedy = f"look for the file on the hub's page and put it in {self.part.target.parent}"
        if status in (401, 403):
            remedy = f"accept its licence on the hub's page and log in with `hf auth login`, or {remedy}"
        raise DownloadError(
            f"{self._name} is not available (the hub responded {status}): {remedy}."
        ) from error

    def _raise_for_transport(self, error: Exception) -> None:
        """Raise the error that a failure without a response of the hub means."""
        if _is_of(error, "FileMetadataError"):
            raise NotAHubError from error
        if isinstance(error, OSError) and error.errno in DISK_FULL_ERRORS:
            with storage_errors(self.part.path):
                raise error
        if isinstance(error, ImportError) or "SOCKS" in str(error):
            raise DownloadError(
                f"{self._name} cannot be requested through a SOCKS proxy: {SOCKS}."
            ) from error
        if _is_of(error, "OfflineModeIsEnabled"):
            raise DownloadError(
                f"{self._name} cannot be downloaded while HF_HUB_OFFLINE is set: unset it, or put it in "
                f"{self.part.target.parent}."
            ) from error
        raise TemporaryError(" ".join(str(error).split()) or type(error).__name__) from error


def _is_of(error: BaseException | None, name: str) -> bool:
    """Return whether an error or one of its causes has a class whose module differs between versions."""
    while error is not None:
        if type(error).__name__ == name:
            return True
        error = error.__cause__
    return False


class _ReportingFile(io.BufferedWriter):
    """A file that reports its length, since not every `huggingface_hub` version reports progress."""

    def __init__(self, path: Path, on_progress: Progress, total: int) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._on_progress, self._total = on_progress, total

    def write(self, data: Any) -> int:
        written = super().write(data)
        self._on_progress(self.tell(), self._total)
        return written


def _without_bar(function: Callable[..., object]) -> dict[str, Any]:
    """Return the options that disable a function's own progress bar, if its version has one."""
    if "tqdm_class" not in inspect.signature(function).parameters:
        return {}
    from tqdm import tqdm

    return {"tqdm_class": partial(tqdm, disable=True)}
