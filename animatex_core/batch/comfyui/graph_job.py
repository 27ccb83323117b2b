"""One graph on one server: its files up, its end awaited, its result down."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...pose.cache import digest_file
from ..naming import output_path
from .graph import uploads, with_uploads
from .server import ComfyServer, Unreachable, outputs_of

POLL = 0.5  # seconds between two looks at a job, besides the messages of the websocket
GRACE = 10.0  # seconds for which a server may not answer before it counts as gone


@dataclass(frozen=True)
class GraphJob:
    """A graph to run.

    Attributes:
        name: The path of its result in the folder of the batch, with forward slashes.
        out: Where its result is written; further files of the graph get its name with a number.
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
    silent_since: float | None = None
    while True:
        outputs = None
        try:
            outputs = await server.result(prompt)
            silent_since = None
        except Unreachable:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > GRACE:
                raise
        if outputs is not None:
            return outputs
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), POLL)
        except asyncio.TimeoutError:
            continue


async def fetch_result(server: ComfyServer, outputs: Mapping[str, Any], job: GraphJob) -> None:
    """Download the files of a graph; the first one, under the name of the job, comes last.

    Raises:
        InvalidInput: There is none, or one of another format.
        Unreachable: The server does not answer.
        StorageError: A file cannot be written.

    """
    files = outputs_of(outputs)
    if not files:
        raise InvalidInput("The workflow saved no file: it needs a node that saves its result.")
    suffix = Path(files[0]["filename"]).suffix.lower()
    if suffix != job.out.suffix.lower():
        raise InvalidInput(
            f"The workflow saves {suffix or 'no suffix'}: give --format {suffix[1:] or 'mp4'}."
        )
    for number, entry in enumerate(files[1:], start=2):
        name = f"{job.out.stem}-{number}{Path(entry['filename']).suffix}"
        await server.fetch(entry, job.out.with_name(name))
    await server.fetch(files[0], job.out)
