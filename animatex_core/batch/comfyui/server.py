"""A ComfyUI server, as a batch uses it: files up, graphs into its queue, results down."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ...errors import InvalidInput
from ...pose.cache import digest_file
from ...utils.files import atomic_path, storage_errors
from ...utils.optional import optional_package
from .answers import Lost, Refused, Unreachable, failure_of, node_errors_of, refusal_of

CONNECT, ANSWER = 10, 120  # seconds until a server counts as gone: without a connection, without an answer
PROBE = 5  # seconds for the question whether it is there
CHUNK = 1 << 20
PREFIX = "animatex-batch-"  # of uploaded files, followed by the digest of their content


class ComfyServer:
    """A server. Use `connect`.

    Attributes:
        url: Its address, without a slash at the end and without a password.
        client: The id under which it sends progress.

    """

    def __init__(self, url: str, session: Any) -> None:
        self.url, self.client = url, uuid4().hex
        self._session = session
        self._uploaded: dict[Path, str] = {}
        self._uploading: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def waiting(self) -> int:
        """Return how many graphs wait or run, of anybody."""
        patience = _aiohttp().ClientTimeout(total=PROBE)
        answer = await self._json("GET", "/prompt", timeout=patience)
        with self._as_comfyui():
            return int(answer["exec_info"]["queue_remaining"])

    async def missing_classes(self, classes: set[str]) -> set[str]:
        """Return the classes of nodes that the server does not have."""
        return classes - (await self._json("GET", "/object_info")).keys()

    def forget_uploads(self) -> None:
        """Look again whether files are there: the server may have been set up anew."""
        self._uploaded.clear()

    async def upload(self, path: Path) -> str:
        """Make sure that a file is in the input folder; return its name there.

        The name has the digest of the content, so that a file is sent once, by whichever batch.

        Raises:
            InvalidInput: The file cannot be read.
            Unreachable: The server does not answer.
            Refused: It does not take the file.

        """
        async with self._uploading[path]:
            if path not in self._uploaded:
                digest = await asyncio.to_thread(digest_file, path)
                name = f"{PREFIX}{digest[:32]}{path.suffix.lower()}"
                if not await self._has(name, path.stat().st_size):
                    name = await self._send(path, name)
                self._uploaded[path] = name
            return self._uploaded[path]

    async def queue(self, nodes: Mapping[str, Any], prompt: str) -> None:
        """Queue a graph under an id of our own, so that it is found again whatever happens.

        Raises:
            Unreachable: The server does not answer.
            Refused: The graph, or a part of it, is not valid there.

        """
        body = {"prompt": nodes, "prompt_id": prompt, "client_id": self.client}
        faults = node_errors_of(await self._json("POST", "/prompt", json=body))
        if faults:  # the other parts of the graph would run
            await self.cancel(prompt)
            raise Refused(f"{self.url}: {faults}")

    async def result(self, prompt: str) -> Mapping[str, Any] | None:
        """Return the outputs of a graph, None while it waits or runs.

        Raises:
            Unreachable: The server does not answer, or not to us.
            Refused: A node failed.
            Lost: The server does not know the graph.

        """
        try:
            found = await self._history(prompt)
            if found is None and not await self._is_queued(prompt):
                found = await self._history(prompt)  # it may have ended between the two looks
                if found is None:
                    raise Lost(f"{self.url} no longer knows the job.")
        except Refused as error:  # of the question, by something in front of the server
            raise Unreachable(str(error)) from error
        if found is None:
            return None
        with self._as_comfyui():
            if found["status"]["status_str"] != "success":
                raise Refused(f"{self.url}: {failure_of(found)}")
            return found["outputs"]

    async def fetch(self, entry: Mapping[str, str], target: Path) -> None:
        """Download an output; the file appears when it is complete.

        Raises:
            Unreachable: The server does not answer, or stops in the middle.
            StorageError: The file cannot be written.

        """
        query = {name: entry.get(name, "") for name in ("filename", "subfolder", "type")}
        async with self._request("GET", "/view", params=query) as answer:
            with atomic_path(target) as part:
                with storage_errors(target):
                    file = part.open("wb")
                try:
                    async for chunk in answer.content.iter_chunked(CHUNK):
                        with storage_errors(target):
                            file.write(chunk)
                finally:
                    with storage_errors(target):
                        file.close()

    async def cancel(self, prompt: str) -> None:
        """Take a graph out of the queue, or interrupt it if it runs; graphs of others are not touched."""
        with suppress(Unreachable, Refused):
            await self._json("POST", "/queue", json={"delete": [prompt]})
            await self._json("POST", "/interrupt", json={"prompt_id": prompt})

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the messages of the websocket, until the connection ends."""
        address = f"{self.url}/ws?clientId={self.client}"
        with suppress(_aiohttp().ClientError, OSError, asyncio.TimeoutError, ValueError):
            async with self._session.ws_connect(address, heartbeat=30) as socket:
                async for message in socket:
                    if isinstance(message.data, str):
                        yield json.loads(message.data)

    async def _has(self, name: str, size: int) -> bool:
        try:
            query = {"filename": name, "type": "input"}
            async with self._request("HEAD", "/view", params=query) as answer:
                return int(answer.headers.get("Content-Length", -1)) == size
        except Refused:
            return False

    async def _send(self, path: Path, name: str) -> str:
        with storage_errors(path), path.open("rb") as file:
            form = _aiohttp().FormData()
            form.add_field("image", file, filename=name)
            form.add_field("overwrite", "true")
            answer = await self._json("POST", "/upload/image", data=form)
        with self._as_comfyui():
            return str(answer["name"])

    async def _history(self, prompt: str) -> Mapping[str, Any] | None:
        return (await self._json("GET", f"/history/{prompt}")).get(prompt)

    async def _is_queued(self, prompt: str) -> bool:
        queue = await self._json("GET", "/queue")
        with self._as_comfyui():
            return any(item[1] == prompt for item in (*queue["queue_running"], *queue["queue_pending"]))

    async def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        async with self._request(method, path, **options) as answer:
            text = await answer.text()
        with self._as_comfyui():
            return dict(json.loads(text)) if text else {}

    @contextmanager
    def _as_comfyui(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Unreachable(f"{self.url} does not answer as a ComfyUI server does.") from error

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[Any]:
        aiohttp = _aiohttp()
        try:
            address = self.url + path
            async with self._session.request(method, address, allow_redirects=False, **options) as answer:
                if answer.status >= 300:
                    await self._raise(answer, method, path)
                yield answer
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise Unreachable(f"{self.url} does not answer ({error or type(error).__name__}).") from error

    async def _raise(self, answer: Any, method: str, path: str) -> None:
        text = await answer.text()
        if answer.status in (401, 403):
            raise Refused(f"{self.url} wants a login ({answer.status}): give it with --header.")
        if answer.status == 413:
            raise Refused(f"{self.url} takes no file of this size: start it with a larger --max-upload-size.")
        if path == "/prompt" and answer.status == 400:
            raise Refused(f"{self.url}: {refusal_of(text)}")
        if answer.status >= 500 and method == "GET":
            raise Unreachable(f"{self.url} failed at {path} ({answer.status}).")
        hint = ": see its log, and its disk space" if answer.status >= 500 else ""
        raise Refused(f"{self.url} refused {path} ({answer.status} {answer.reason}){hint}.")


@asynccontextmanager
async def connect(url: str, headers: Mapping[str, str]) -> AsyncIterator[ComfyServer]:
    """Open a connection to a server; nothing is sent yet.

    Args:
        url: Its address, such as http://127.0.0.1:8188; may have a user and a password.
        headers: Sent with every request, such as a login for a proxy in front of it.

    Raises:
        InvalidInput: The address is no address.
        MissingDependency: aiohttp is not installed.

    """
    aiohttp, parts = _aiohttp(), urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("A server has no address like http://127.0.0.1:8188: check --servers.")
    place = parts.netloc.rpartition("@")[2]
    login = aiohttp.BasicAuth(parts.username, parts.password or "") if parts.username else None
    patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER)
    async with aiohttp.ClientSession(headers=dict(headers), auth=login, timeout=patience) as session:
        yield ComfyServer(f"{parts.scheme}://{place}{parts.path.rstrip('/')}", session)


def _aiohttp() -> Any:
    return optional_package("aiohttp", "ComfyUI servers are reached with it", "pip install aiohttp")
