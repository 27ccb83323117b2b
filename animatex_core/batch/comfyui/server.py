"""A ComfyUI server, as a batch uses it: files up, graphs into its queue, results down."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...errors import AnimateXError, InvalidInput
from ...utils.files import atomic_path, storage_errors
from ...utils.optional import optional_package

CONNECT, ANSWER = 10, 120  # seconds until a server counts as gone: without a connection, without an answer
CHUNK = 1 << 20
PREFIX = "animatex-batch-"  # of uploaded files, followed by the digest of their content


class Unreachable(AnimateXError):
    """The server does not answer, or answered with an error of its own."""


class Refused(AnimateXError):
    """The server does not take a file or a graph, or a node failed; another server may."""


class Lost(AnimateXError):
    """The server no longer knows the graph: it was restarted, or somebody emptied its queue."""


class ComfyServer:
    """A server. Use `connect`.

    Attributes:
        url: Its address, without a slash at the end.
        client: The id under which it sends progress.

    """

    def __init__(self, url: str, session: Any) -> None:
        self.url, self.client = url, uuid4().hex
        self._session = session
        self._uploaded: dict[Path, str] = {}

    async def waiting(self) -> int:
        """Return how many graphs wait or run, of anybody."""
        return int((await self._json("GET", "/prompt"))["exec_info"]["queue_remaining"])

    async def missing_classes(self, classes: set[str]) -> set[str]:
        """Return the classes of nodes that the server does not have."""
        return classes - (await self._json("GET", "/object_info")).keys()

    async def upload(self, path: Path) -> str:
        """Make sure that a file is in the input folder; return its name there.

        The name has the digest of the content, so that a file is sent once, whoever sent it.

        Raises:
            Unreachable: The server does not answer.
            Refused: It does not take the file.

        """
        if path not in self._uploaded:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
            name = f"{PREFIX}{digest}{path.suffix.lower()}"
            if not await self._has(name, path.stat().st_size):
                name = await self._send(path, name)
            self._uploaded[path] = name
        return self._uploaded[path]

    async def queue(self, nodes: Mapping[str, Any], prompt: str) -> None:
        """Queue a graph under an id of our own, so that it is found again whatever happens.

        Raises:
            Unreachable: The server does not answer.
            Refused: The graph is not valid there.

        """
        await self._json(
            "POST", "/prompt", json={"prompt": nodes, "prompt_id": prompt, "client_id": self.client}
        )

    async def result(self, prompt: str) -> Mapping[str, Any] | None:
        """Return the outputs of a graph, None while it waits or runs.

        Raises:
            Unreachable: The server does not answer.
            Refused: A node failed.
            Lost: The server does not know the graph.

        """
        found = await self._history(prompt)
        if found is None and not await self._is_queued(prompt):
            found = await self._history(prompt)  # it may have ended between the two looks
            if found is None:
                raise Lost(f"{self.url} no longer knows the job.")
        if found is None:
            return None
        if found["status"]["status_str"] != "success":
            raise Refused(f"{self.url}: {_failure(found)}")
        return found["outputs"]

    async def fetch(self, entry: Mapping[str, str], target: Path) -> None:
        """Download an output; the file appears when it is complete.

        Raises:
            Unreachable: The server does not answer, or stops in the middle.
            StorageError: The file cannot be written.

        """
        query = {name: entry.get(name, "") for name in ("filename", "subfolder", "type")}
        async with self._request("GET", "/view", params=query) as answer:
            with atomic_path(target) as part, part.open("wb") as file:
                async for chunk in answer.content.iter_chunked(CHUNK):
                    with storage_errors(target):
                        file.write(chunk)

    async def cancel(self, prompt: str) -> None:
        """Take a graph out of the queue, or interrupt it if it runs; graphs of others are not touched."""
        with suppress(Unreachable, Refused):
            await self._json("POST", "/queue", json={"delete": [prompt]})
            await self._json("POST", "/interrupt", json={"prompt_id": prompt})

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the messages of the websocket, until the connection ends."""
        with suppress(Exception):
            async with self._session.ws_connect(
                f"{self.url}/ws?clientId={self.client}", heartbeat=30
            ) as socket:
                async for message in socket:
                    if isinstance(message.data, str):
                        yield json.loads(message.data)

    async def _has(self, name: str, size: int) -> bool:
        try:
            async with self._request("HEAD", "/view", params={"filename": name, "type": "input"}) as answer:
                return int(answer.headers.get("Content-Length", -1)) == size
        except Refused:
            return False

    async def _send(self, path: Path, name: str) -> str:
        aiohttp = _aiohttp()
        with path.open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("image", file, filename=name)
            form.add_field("overwrite", "true")
            return str((await self._json("POST", "/upload/image", data=form))["name"])

    async def _history(self, prompt: str) -> Mapping[str, Any] | None:
        return (await self._json("GET", f"/history/{prompt}")).get(prompt)

    async def _is_queued(self, prompt: str) -> bool:
        queue = await self._json("GET", "/queue")
        return any(item[1] == prompt for item in (*queue["queue_running"], *queue["queue_pending"]))

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        async with self._request(method, path, **options) as answer:
            text = await answer.text()
        try:
            return json.loads(text) if text else {}
        except ValueError as error:
            raise Unreachable(f"{self.url} is no ComfyUI server: its answer is not JSON.") from error

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[Any]:
        aiohttp = _aiohttp()
        try:
            async with self._session.request(method, self.url + path, **options) as answer:
                if answer.status >= 400:
                    await self._raise(answer, path)
                yield answer
        except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError) as error:
            raise Unreachable(f"{self.url} does not answer ({error or type(error).__name__}).") from error

    async def _raise(self, answer: Any, path: str) -> None:
        text = await answer.text()
        if answer.status in (401, 403):
            raise Refused(f"{self.url} wants a login ({answer.status}): give it with --header.")
        if answer.status == 413:
            raise Refused(f"{self.url} takes no file of this size: start it with a larger --max-upload-size.")
        if path == "/prompt" and answer.status == 400:
            raise Refused(f"{self.url}: {_refusal(text)}")
        if answer.status >= 500:
            raise Unreachable(
                f"{self.url} failed at {path} ({answer.status}): see its log, and its disk space."
            )
        raise Refused(f"{self.url} refused {path} ({answer.status} {answer.reason}).")


@asynccontextmanager
async def connect(url: str, headers: Mapping[str, str]) -> AsyncIterator[ComfyServer]:
    """Open a connection to a server; nothing is sent yet.

    Args:
        url: Its address, such as http://127.0.0.1:8188.
        headers: Sent with every request, such as a login for a proxy in front of it.

    Raises:
        InvalidInput: The address is no address.
        MissingDependency: aiohttp is not installed.

    """
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"The server {url!r} is no address: write it like http://127.0.0.1:8188.")
    aiohttp = _aiohttp()
    patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER)
    async with aiohttp.ClientSession(headers=dict(headers), timeout=patience) as session:
        yield ComfyServer(url.rstrip("/"), session)


def outputs_of(outputs: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the files that a graph wrote to the output folder, without previews."""
    entries = [
        entry
        for node in outputs.values()
        for kind in node.values()
        if isinstance(kind, list)
        for entry in kind
    ]
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("type") == "output"]


def _failure(history: Mapping[str, Any]) -> str:
    for kind, message in history["status"]["messages"]:
        if kind == "execution_error":
            return f"{message['node_type']}: {message['exception_message'].strip()}"
        if kind == "execution_interrupted":
            return "the job was interrupted."
    return "the job failed without a reason."


def _refusal(text: str) -> str:
    try:
        answer = json.loads(text)
        errors = [error for node in answer["node_errors"].values() for error in node["errors"]]
        said = [f"{error['message']}: {error['details']}" for error in errors]
        return "; ".join(said) or f"{answer['error']['message']} {answer['error'].get('details', '')}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the graph was refused: {text[:200]}"


def _aiohttp() -> Any:
    return optional_package("aiohttp", "ComfyUI servers are reached with it", "pip install aiohttp")
