"""A local model hub that disconnects, restarts, sends wrong data and refuses on request."""

import http.server
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote


@dataclass
class Hub:
    """A model hub on this machine.

    faults: one a request, then none; ranges: what the requests asked for; etag: that of every file.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    etag: str | None = '"first"'
    closing: threading.Event = field(default_factory=threading.Event)


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        self.hub.ranges.append(self.headers["Range"])
        fault = self.hub.faults.pop(0) if self.hub.faults else ""
        data = self.hub.files.get(unquote(self.path).removeprefix("/moved"))
        if fault.isdecimal() or data is None:
            self.send_error(int(fault or 404))
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", f"{self.hub.url}/moved{self.path}")
            self.end_headers()
        else:
            self.send(data, fault)

    def send(self, data: bytes, fault: str) -> None:
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        outdated = self.headers["If-Range"] not in (None, self.hub.etag) and fault != "ignore version"
        if "ignore range" in fault or outdated:
            start = 0
        if start and start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.end_headers_with_etag()
            return
        if fault in ("no beginning", "first part"):  # though no part was asked for
            self.send_some(data, slice(9, None) if fault == "no beginning" else slice(0, 9))
            return
        self.send_response(206 if start else 200)
        if start:
            claimed = start - 1 if fault == "wrong range" else start
            self.send_header("Content-Range", f"bytes {claimed}-{len(data) - 1}/{len(data)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Type", "text/html" if fault == "page" else "application/octet-stream")
        self.end_headers_with_etag()
        self.send_body(data[start:], fault)

    def send_some(self, data: bytes, part: slice) -> None:
        first, stop, _ = part.indices(len(data))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(data)}")
        self.send_header("Content-Length", str(stop - first))
        self.end_headers_with_etag()
        self.wfile.write(data[part])

    def end_headers_with_etag(self) -> None:
        if self.hub.etag:
            self.send_header("ETag", self.hub.etag)
        self.end_headers()

    def send_body(self, data: bytes, fault: str) -> None:
        if fault.startswith(("break off", "reset", "stall")):
            self.wfile.write(data[: len(data) // 2])
            if fault == "stall":
                self.hub.closing.wait()
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
        else:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Keeps quiet about connections that are broken on purpose."""

    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Hub]:
    """Run a hub while the block lasts."""
    hub = Hub()
    with listening(type("HubHandler", (Handler,), {"hub": hub})) as hub.url:
        try:
            yield hub
        finally:
            hub.closing.set()


@contextmanager
def listening(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer on a free port of this machine while the block lasts, and give the address."""
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
