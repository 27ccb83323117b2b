"""One graph on one server: its files up, its end awaited, its result down."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ...errors import InvalidInput
from ...pose.cache import digest_file
from ..naming import output_path, safe_name
from .answers import Unreachable, outputs_of
from .graph import uploads, with_uploads
from .server import ComfyServer

POLL = 0.5  # seconds between two looks at a job, besides the messages of the websocket
GRACE = 10.0  # seconds for which a server may not answer before it counts as gone
T = TypeVar("T")


@dataclass(frozen=True)
class GraphJob:
    """A graph to run.

    Attributes:
        name: The path of its result in the folder of the batch, with forward slashes.
        out: Where its result is written.
        digest: Of the graph and the files in it.
        nodes: The filled graph.
        dance_key: Equal for jobs with the same dance.

    """

    name: str
    out: Path
    digest: str
    nodes: Mapping[str, Any]
    dance_key: str = ""

    @classmethod
    def of(
        cls,
        folder: Path,
        name: str,
        nodes: Mapping[str, Any],
        dance_key: str = "",
        digest: Callable[[Path], str] = digest_file,
    ) -> "GraphJob":
        """Return a job.

        Args:
            folder: Of the batch.
            name: The path of its result in it.
            nodes: The graph, filled by `Graph.filled`.
            dance_key: Equal for jobs with the same dance.
            digest: Returns the digest of the content of a file.

        Raises:
            InvalidInput: The name leads out of the folder, or a file of the graph cannot be read.

        """
        contents = {path: digest(path) for path in uploads(nodes)}
        stated = json.dumps(nodes, sort_keys=True, default=lambda value: contents[value.path])
        return cls(
            name,
            output_path(folder, name),
            hashlib.sha256(stated.encode()).hexdigest(),
            nodes,
            dance_key,
        )


async def upload_files(server: ComfyServer, job: GraphJob) -> dict[str, Any]:
    """Bring the files of a graph to a server, and return the graph with their names there."""
    return with_uploads(job.nodes, {path: await server.upload(path) for path in uploads(job.nodes)})


async def await_result(server: ComfyServer, prompt: str, changed: asyncio.Event) -> Mapping[str, Any]:
    """Wait for a graph; short silences of the server do not matter.

    Args:
        server: The server.
        prompt: The id of the graph.
        changed: Set when it may have ended.

    Returns:
        Its outputs.

    Raises:
        Unreachable: The server does not answer for a while.
        Refused: A node failed.
        Lost: The server does not know the graph.

    """
    while True:
        changed.clear()
        outputs = await _patiently(lambda: server.result(prompt))
        if outputs is not None:
            return outputs
        try:
            await asyncio.wait_for(changed.wait(), POLL)
        except asyncio.TimeoutError:
            continue


async def fetch_result(server: ComfyServer, outputs: Mapping[str, Any], job: GraphJob) -> None:
    """Download the files of a graph; the first one of the right format gets the name of the job.

    It comes last. Others go into a folder of that name with `.files` at the end.

    Raises:
        InvalidInput: There is none of the right format.
        Unreachable: The server does not answer.
        StorageError: A file cannot be written.

    """
    files = outputs_of(outputs)
    main = next((each for each in files if _suffix(each) == job.out.suffix.lower()), None)
    if main is None:
        found = ", ".join(sorted({_suffix(each) or "no suffix" for each in files})) or "no file"
        raise InvalidInput(
            f"The workflow saves {found}, but no {job.out.suffix}: give --format, or add a node that does."
        )
    folder = job.out.with_name(f"{job.out.stem}.files")
    for number, entry in enumerate(each for each in files if each is not main):
        target = folder / f"{number}-{safe_name(entry['filename'])}"
        await _patiently(partial(server.fetch, entry, target))
    await _patiently(partial(server.fetch, main, job.out))


def _suffix(entry: Mapping[str, str]) -> str:
    return Path(entry["filename"]).suffix.lower()


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a server again while it is silent, for a while."""
    begin = time.monotonic()
    while True:
        try:
            return await ask()
        except Unreachable:
            if time.monotonic() - begin > GRACE:
                raise
        await asyncio.sleep(POLL)
