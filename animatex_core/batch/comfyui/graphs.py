"""A batch of graphs on ComfyUI servers, in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...animate_x.animation import Report, no_report
from ...errors import warn
from ..plan import begun
from ..run import Result, require_not_stopped, stopping_on_interrupt
from .graph_job import GraphJob
from .pool import Listeners, run_on_servers


def run_graphs(
    graphs: Mapping[str, Mapping[str, Any]],
    folder: str | Path,
    servers: Sequence[str],
    *,
    headers: Mapping[str, str] | None = None,
    in_flight: int = 1,
    progress: Report = no_report,
) -> list[Result]:
    """Run graphs that have not run yet, and download their results.

    Called again after an interruption, it does what is missing or has changed. Ctrl+C finishes the graphs
    that run; a second one cancels them. Warnings tell what happens to servers. In a notebook, whose
    event loop runs already, call it in a thread: `await asyncio.to_thread(run_graphs, ...)`.

    Args:
        graphs: Name of the result, with its suffix -> the graph, from `Graph.filled`.
        folder: Where results and the manifest are.
        servers: Addresses, such as "http://127.0.0.1:8188".
        headers: Sent with every request, such as a login.
        in_flight: How many graphs one server has at a time.
        progress: Called with the address of a server, the steps done of its node and those there are.

    Returns:
        How each graph that ran ended.

    Raises:
        InvalidInput: A name or file cannot be used, no server can, or the folder belongs to another batch.
        StorageError: A result cannot be written.
        MissingDependency: aiohttp is not installed.

    """
    folder = Path(folder)
    results: list[Result] = []
    jobs = [GraphJob.of(folder, name, nodes) for name, nodes in graphs.items()]
    with begun(folder, jobs) as (manifest, plan, known), stopping_on_interrupt(warn) as stop:
        listeners = Listeners(warn, progress, results.append)
        run_on_servers(
            plan.waiting,
            servers,
            manifest,
            listeners,
            stop,
            known=known,
            headers=headers or {},
            in_flight=in_flight,
        )
        require_not_stopped(stop)
    return results
