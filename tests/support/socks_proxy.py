"""A local SOCKS5 proxy."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

IPV4, NAME = 1, 3  # kinds of addresses in RFC 1928


@dataclass
class Proxy:
    """A running proxy: its address, and where it connected to."""

    url: str
    targets: set[str] = field(default_factory=set)


class _Handler(socketserver.StreamRequestHandler):
    proxy: Proxy

    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(b"\x05\x00")  # no authentication
        host, port = self._target()
        self.proxy.targets.add(f"{host}:{port}")
        with socket.create_connection((host, port)) as other:
            self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
            self._relay(other)

    def _target(self) -> tuple[str, int]:
        *_, kind = self.rfile.read(4)
        if kind == NAME:
            host = self.rfile.read(self.rfile.read(1)[0]).decode()
        else:
            assert kind == IPV4
            host = socket.inet_ntoa(self.rfile.read(4))
        return host, int.from_bytes(self.rfile.read(2), "big")

    def _relay(self, other: socket.socket) -> None:
        ends = {self.connection: other, other: self.connection}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(1 << 16)
                if not data:
                    return
                ends[end].sendall(data)


@contextmanager
def socks_proxy() -> Iterator[Proxy]:
    """Run a proxy while the block lasts."""
    proxy = Proxy("")
    handler = type("ProxyHandler", (_Handler,), {"proxy": proxy, "rbufsize": 0})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        proxy.url = f"socks5h://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
