"""Downloads that go on where they broke off, are checked by digest, and get their name only when whole.

While it is fetched, a file is called `NAME.part`; an interruption keeps the part for the next try, which goes
on with it if it is of the same version, or if a digest will tell.
"""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from . import __version__
from .bundles import ModelFile, resolve
from .errors import DownloadError, InvalidInput
from .part import Part
from .placement import storage_errors
from .progress import Progress, no_progress
from .verification import CHUNK, Verification, record_digest, recorded_digest, verify

PASSING = (408, 429, 500, 502, 503, 504)  # HTTP statuses that another try may cure


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
    """Fetch a file of the catalogue into `folder` and return its path; one that is there is only verified.

    base_url: of the model hub, where the file names no URL of its own. on_progress: see Progress; also called
    while an existing file is verified.
    tries: how many tries in a row may bring nothing new; pause: seconds before the next; timeout: seconds of
    silence that count as a broken connection.
    Where no digest is known, the one that came is recorded and expected from then on.
    Raises DownloadError (not to be had, not whole, another digest, already being
    fetched), StorageError, InvalidInput (no URL).
    """
    existing = resolve(model_file, [folder])
    if existing:
        verify(model_file, existing, on_progress).require("move it away and download it again")
        return existing
    part, url = Part(folder / model_file.name), _url(model_file, base_url)
    with storage_errors(part.target):
        folder.mkdir(parents=True, exist_ok=True)
    with part.reserved():
        checked = bool(model_file.sha256 or recorded_digest(part.target))
        _Transfer(url, part, model_file.size, checked, on_progress, timeout).run(tries, pause)
        _place(part, verify(model_file, part.path, name=part.target))
    return part.target


def _place(part: Part, arrived: Verification) -> None:
    if arrived.status == "mismatch":
        part.discard()  # to go on with it could never succeed
    arrived.require("it was deleted, so try again, and if it comes the same, compare it with the hub's page")
    part.place()
    if arrived.expected is None:
        record_digest(part.target, arrived.digest)


class _BrokenError(Exception):
    """A try that failed where the next may succeed."""


@dataclass(frozen=True)
class _Transfer:
    """Bytes on their way from a URL to a part.

    size: that of the whole file in bytes, None where unknown. checked: whether its digest is known.
    """

    url: str
    part: Part
    size: int | None
    checked: bool
    on_progress: Progress
    timeout: float

    def run(self, tries: int, pause: float) -> None:
        """Try until the part is whole, or `tries` tries in a row brought nothing new."""
        furthest, failures = self.part.size, 0
        while True:
            try:
                return self._try()
            except _BrokenError as broken:
                failures = 0 if self.part.size > furthest else failures + 1
                furthest = max(furthest, self.part.size)
                if failures >= tries:
                    raise DownloadError(
                        f"{self.url} did not arrive whole ({broken}): ask for it again, which goes on "
                        f"after the {self.part.size} bytes that are here."
                    ) from broken
            time.sleep(pause)

    def _try(self) -> None:
        start = self.part.size if self.checked or self.part.etag else 0
        if self.checked and start and start == self.size:
            return
        response = self._open(start)
        if response:
            with response:
                self._receive(response, start if response.status == 206 else 0)

    def _open(self, start: int) -> HTTPResponse | None:
        """Ask for what is missing; None if nothing is. A server may answer with the whole file anyway."""
        request = Request(self.url, headers=self._headers(start))  # noqa: S310 - _url lets only http and https through
        try:
            response: HTTPResponse = urlopen(request, timeout=self.timeout)  # noqa: S310
        except HTTPError as error:
            with error:
                self._judge(error, start)
            return None
        except (OSError, HTTPException) as error:
            raise _BrokenError(str(error)) from error
        return response

    def _headers(self, start: int) -> dict[str, str]:
        headers = {"User-Agent": f"animatex/{__version__}"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if start and self.part.etag:
            headers["If-Range"] = self.part.etag
        return headers

    def _is_same_version(self, headers: Message) -> bool:
        return self.part.etag is None or headers["ETag"] in (None, self.part.etag)

    def _judge(self, error: HTTPError, start: int) -> None:
        """Return if the answer means that the part is whole, else raise what the answer means."""
        answer = f"the server answered {error.code} {error.reason}"
        if error.code == 416:  # nothing lies behind the part
            whole = error.headers["Content-Range"] == f"bytes */{start}"
            if whole and self._is_same_version(error.headers):
                return
            self.part.discard()
            raise _BrokenError("what had arrived did not belong to the file")
        if error.code in PASSING:
            raise _BrokenError(answer)
        raise DownloadError(
            f"{self.url} cannot be had ({answer}): look for the file on the hub's page and put it in "
            f"{self.part.target.parent}."
        )

    def _receive(self, response: HTTPResponse, start: int) -> None:
        total = self._total(response, start)
        with closing(self.part.store(_chunks(response), start, response.headers["ETag"])) as stored:
            for done in stored:
                self.on_progress(done, total)
        if self.part.size != total:
            raise _BrokenError(f"the connection ended after {self.part.size} of {total} bytes")

    def _total(self, response: HTTPResponse, start: int) -> int:
        """Return the size of the whole file as the server has it, once its answer makes sense."""
        headers = response.headers
        length = headers["Content-Length"] or ""
        if headers.get_content_type() == "text/html" or not length.isdecimal():
            raise DownloadError(
                f"{self.url} is no file of known length but {headers.get_content_type()}: "
                f"check the connection and, if it is set, HF_ENDPOINT."
            )
        if start and not (headers["Content-Range"] or "").startswith(f"bytes {start}-"):
            raise _BrokenError("the server sent another part than asked for")
        if start and not self._is_same_version(headers):
            self.part.discard()
            raise _BrokenError("the file on the server is another one by now")
        total = start + int(length)
        if not total:
            raise DownloadError(f"{self.url} is empty: compare it with the hub's page.")
        if self.size not in (None, total):
            raise DownloadError(
                f"{self.url} has {total} bytes, but models.yaml lists {self.size}: "
                f"compare it with the hub's page."
            )
        return total


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise _BrokenError(str(error)) from error


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
