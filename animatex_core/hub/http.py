"""Resumable downloads from any HTTP server."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import requests
from requests import Response
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, RequestException, Timeout
from requests.exceptions import ConnectionError as BrokenConnection
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from .. import __version__
from ..errors import DownloadError
from ..utils.progress import Progress
from .partial_download import TEMPORARY_STATUSES, PartialDownload, RetryPolicy, TemporaryError

CHUNK = 1 << 16
"""Bytes written at once; an interruption loses the last chunk."""

SOCKS = "install the packages for SOCKS proxies with `pip install pysocks socksio`"


@dataclass(frozen=True)
class HttpDownload:
    """A download of a URL into a partial file.

    Attributes:
        url: The address of the file.
        part: Stores the bytes, including those of earlier attempts.
        size: Bytes of the whole file; None if unknown.
        checked: Whether the digest of the file is known, so that any bytes may be resumed.
        on_progress: Called with the bytes downloaded and the total, 0 if unknown.
        timeout: Seconds without data after which a connection counts as broken.

    """

    url: str
    part: PartialDownload
    size: int | None
    checked: bool
    on_progress: Progress
    timeout: float

    def run(self, attempts: RetryPolicy) -> None:
        """Download the missing bytes; raises DownloadError, StorageError."""
        with requests.Session() as session:
            attempts.run(lambda: self._attempt(session), lambda: self.part.size, self.url)

    def _attempt(self, session: requests.Session) -> None:
        start = self.part.size if self.checked or self.part.etag else 0
        if self.checked and start and start == self.size:
            return
        with closing(self._open(session, start)) as response:
            if self._is_missing_something(response, start):
                self._receive(response, start if response.status_code == 206 else 0)

    def _open(self, session: requests.Session, start: int) -> Response:
        try:
            return session.get(
                self.url, headers=self._headers(start), stream=True, timeout=(self.timeout, self.timeout)
            )
        except (BrokenConnection, Timeout, ChunkedEncodingError) as error:
            raise TemporaryError(_reason(error)) from error
        except RequestException as error:
            remedy = SOCKS if "SOCKS" in str(error) else "check the address, the proxy and HF_ENDPOINT"
            raise DownloadError(f"{self.url} cannot be requested ({_reason(error)}): {remedy}.") from error

    def _headers(self, start: int) -> dict[str, str]:
        """Return the request headers. Compression is declined, because it cannot be resumed."""
        headers = {"User-Agent": f"animatex/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if start and self.part.etag:
            headers["If-Range"] = self.part.etag
        return headers

    def _is_missing_something(self, response: Response, start: int) -> bool:
        """Return False if the part is already complete; raise the error that the status means."""
        status = response.status_code
        answer = f"the server responded {status} {response.reason}"
        if status == 416:  # there are no bytes beyond the part
            whole = response.headers.get("Content-Range") == f"bytes */{start}"
            if whole and self._is_same_version(response):
                return False
            self.part.discard()
            raise TemporaryError("the partial download did not belong to this file")
        if status in TEMPORARY_STATUSES:
            raise TemporaryError(answer, seconds_to_wait(response.headers.get("Retry-After")))
        if status not in (200, 206):
            raise DownloadError(
                f"{self.url} is not available ({answer}): look for the file on the hub's page and put it in "
                f"{self.part.target.parent}."
            )
        return True

    def _receive(self, response: Response, start: int) -> None:
        answer = _Answer(response)
        self._require_file(answer)
        if response.status_code == 206:
            self._require_continuation(answer, start)
        total = None if answer.length is None else answer.whole or start + answer.length
        self._require_bytes(self.size if total is None else total)
        with closing(self.part.store(_chunks(response), start, answer.etag)) as stored:
            for done in stored:
                self.on_progress(done, total or self.size or 0)
        self._require_whole(answer, total)

    def _require_file(self, answer: "_Answer") -> None:
        """Raise DownloadError for a web page, and if a complete download could not be recognized."""
        if answer.kind in ("text/html", "application/xhtml+xml"):
            raise DownloadError(
                f"{self.url} is a web page and not a file: check the connection (the network may require a "
                f"login) and, if it is set, HF_ENDPOINT."
            )
        if not (answer.is_delimited or self.checked or self.size):
            raise DownloadError(
                f"{self.url} has no known length, so an incomplete download would go unnoticed: check the "
                f"connection and, if it is set, HF_ENDPOINT."
            )

    def _require_whole(self, answer: "_Answer", total: int | None) -> None:
        if total is None and not answer.is_delimited:
            total = self.size
        if total not in (None, self.part.size):
            raise TemporaryError(f"the connection ended after {self.part.size} of {total} bytes")
        if answer.is_cut_off():
            raise TemporaryError(f"the connection ended after {self.part.size} bytes")
        self._require_bytes(self.part.size)

    def _require_continuation(self, answer: "_Answer", start: int) -> None:
        if not answer.response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise TemporaryError("the server sent another range than requested")
        if (answer.is_encoded and start) or not self._is_same_version(answer.response):
            self.part.discard()
            raise TemporaryError("the file on the server has changed")

    def _require_bytes(self, total: int | None) -> None:
        """Raise DownloadError if the file on the server cannot be the expected one."""
        if total == 0:
            self.part.discard()
            raise DownloadError(f"{self.url} is empty: compare it with the hub's page.")
        if None not in (self.size, total) and self.size != total:
            self.part.discard()
            raise DownloadError(
                f"{self.url} has {total} bytes, but models.yaml lists {self.size}: "
                f"compare it with the hub's page."
            )

    def _is_same_version(self, response: Response) -> bool:
        return self.part.etag is None or response.headers.get("ETag") in (None, self.part.etag)


@dataclass(frozen=True)
class _Answer:
    """What the headers of a response say about its body."""

    response: Response

    @property
    def kind(self) -> str:
        return self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_encoded(self) -> bool:
        """Whether the body is compressed although no compression was requested."""
        return self.response.headers.get("Content-Encoding", "identity").lower() != "identity"

    @property
    def length(self) -> int | None:
        """Bytes of the file in this response; None if unknown."""
        return None if self.is_encoded else self._sent_bytes

    @property
    def whole(self) -> int | None:
        """Bytes of the whole file, of which this response may be a range; None if unknown."""
        total = self.response.headers.get("Content-Range", "").rpartition("/")[2]
        return int(total) if total.isdecimal() else None

    @property
    def is_delimited(self) -> bool:
        """Whether a truncated response can be recognized."""
        chunked = "chunked" in self.response.headers.get("Transfer-Encoding", "").lower()
        return chunked or self._sent_bytes is not None

    @property
    def etag(self) -> str | None:
        """The version that a later request may resume; None for a body that has no ranges."""
        return None if self.is_encoded else self.response.headers.get("ETag")

    def is_cut_off(self) -> bool:
        """Return whether fewer bytes arrived than announced, which urllib3 1 does not notice."""
        return self._sent_bytes is not None and self.response.raw.tell() < self._sent_bytes

    @property
    def _sent_bytes(self) -> int | None:
        length = self.response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date; None if it is invalid."""
    try:
        return None if retry_after is None else Retry().parse_retry_after(retry_after)
    except InvalidHeader:
        return None


def _chunks(response: Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK)
    except (BrokenConnection, Timeout, ContentDecodingError) as error:
        raise TemporaryError(_reason(error)) from error
    except (ChunkedEncodingError, HTTPError) as error:
        raise TemporaryError("the connection was closed early") from error


def _reason(error: Exception) -> str:
    """Return the message of the innermost cause: libraries wrap it several times."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return " ".join(str(cause).split()) or type(cause).__name__
