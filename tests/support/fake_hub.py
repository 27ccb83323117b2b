"""A local server that behaves like the Hugging Face Hub, or like what gets in its way."""

import email.utils
import gzip
import http.server
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.support.file_server import listening

COMMIT = "1234567890abcdef1234567890abcdef12345678"


@dataclass
class FakeHub:
    """Answers of a hub.

    Attributes:
        url: Its address.
        data: The one file that it has.
        path: Where that is.
        answer: Sends something else for a GET, and returns whether it did.
        head: Sends something else for a HEAD, and returns whether it did.
        requests: The number of requests with each method.
        ranges: The range of each GET.
        tokens: The authorization of each request.

    """

    url: str = ""
    data: bytes = b""
    path: str = "/owner/name/resolve/main/folder/weights++.ckpt"
    etag: str = '"0123"'
    answer: "Callable[[Handler], bool] | None" = None
    head: "Callable[[Handler], bool] | None" = None
    requests: Counter[str] = field(default_factory=Counter)
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to the hub."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._note("HEAD")
        if self.hub.head is None or not self.hub.head(self):
            self.reply(200 if self._is_known() else 404, b"", self._facts())

    def do_GET(self) -> None:
        self._note("GET")
        self.hub.ranges.append(self.headers["Range"])
        if self.hub.answer is None or not self.hub.answer(self):
            self.send_file() if self._is_known() else self.reply(404, b"")

    def send_file(self, only: int | None = None) -> None:
        """Send the requested part of the file, or only its first `only` bytes and then disconnect."""
        start = int((self.headers["Range"] or "bytes=0-")[6:].split("-")[0])
        rest = self.hub.data[start:]
        headers = {"ETag": self.hub.etag, "Content-Length": str(len(rest))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.hub.data) - 1}/{len(self.hub.data)}"
        self.reply(206 if start else 200, rest[:only], headers)
        if only is not None:
            self.close_connection = True
            self.connection.close()

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer with its length, unless the headers replace that."""
        usual = {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
        self.send_response(status)
        for name, value in {**usual, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _is_known(self) -> bool:
        return unquote(self.path.partition("?")[0]) == self.hub.path

    def _facts(self) -> dict[str, str]:
        return {"Content-Length": str(len(self.hub.data)), "ETag": self.hub.etag, "X-Repo-Commit": COMMIT}

    def _note(self, method: str) -> None:
        self.hub.requests[method] += 1
        self.hub.tokens.append(self.headers["Authorization"])

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Run a hub while the block lasts."""
    hub = FakeHub()
    with listening(type("HubHandler", (Handler,), {"hub": hub})) as hub.url:
        yield hub


def refusing(status: int, until: Callable[[], bool], retry_after: str = "") -> Callable[[Handler], bool]:
    """Answer with an error until something is true."""

    def answer(handler: Handler) -> bool:
        if until():
            return False
        handler.reply(status, b"wait", {"Retry-After": retry_after})
        return True

    return answer


def in_seconds(seconds: float) -> str:
    """Return a moment as HTTP writes it."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def breaking_off(after: int, times: int) -> Callable[[Handler], bool]:
    """Break off so many times."""
    left = iter(range(times))

    def answer(handler: Handler) -> bool:
        if next(left, None) is None:
            return False
        handler.send_file(only=after)
        return True

    return answer


def chunked(handler: Handler) -> bool:
    """Send the file in chunks, without its length."""
    handler.reply(200, b"", {"Content-Length": "", "Transfer-Encoding": "chunked"})
    data = handler.hub.data
    for start in range(0, len(data), 50_000):
        piece = data[start : start + 50_000]
        handler.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")
    return True


def packed(handler: Handler) -> bool:
    """Send the file compressed although that was not requested."""
    handler.reply(
        200, gzip.compress(handler.hub.data, 1), {"Content-Encoding": "gzip", "ETag": handler.hub.etag}
    )
    return True


def page(handler: Handler) -> bool:
    """Send the page on which a network asks to log in."""
    handler.reply(200, b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})
    return True
