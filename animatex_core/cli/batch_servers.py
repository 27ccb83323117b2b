"""`animatex batch --servers`: the jobs as graphs on ComfyUI servers."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..batch.comfyui.graph import FILES, Graph
from ..batch.comfyui.graph_job import GraphJob
from ..batch.comfyui.pool import Listeners, run_on_servers
from ..batch.job_list import Row
from ..batch.kept import Kept
from ..batch.manifest import Manifest
from ..batch.naming import check_template, fill_template, same_names
from ..batch.plan import Plan
from ..batch.run import Result, require_not_stopped, stopping_on_interrupt
from ..batch.storage import is_url
from ..errors import AnimateXError, InvalidInput
from ..pose.cache import digest_file
from ..utils.validation import require_file
from .batch_rows import Problem, in_groups, refuse
from .output import say


def read_graph_jobs(
    rows: Sequence[Row], graph: Graph, arguments: Namespace, folder: Path, source: str
) -> list[GraphJob]:
    """Return the jobs of all rows as graphs, those of one dance after each other.

    ComfyUI keeps what nodes returned for the last graph, such as the frames, poses and features of the dance.

    Args:
        rows: The rows.
        graph: What every job runs.
        arguments: The parsed options of `batch`.
        folder: What relative paths in rows are relative to.
        source: What messages call the job list.

    Raises:
        InvalidInput: There are problems; the message lists them with their rows.

    """
    columns = {name for row in rows for name in row.values}
    check_template(arguments.name, {*columns, "reference", "driving", "seed", "row"})
    digests: Kept[str] = Kept(100_000)
    jobs: dict[int, GraphJob] = {}
    problems: list[Problem] = []
    for row in rows:
        try:
            jobs[row.number] = _job(row, columns, graph, arguments, folder, digests)
        except AnimateXError as error:
            problems.append(Problem(row.number, str(error)))
    names = same_names({number: job.name for number, job in jobs.items()})
    refuse([*problems, *(Problem(*each) for each in names)], source)
    return in_groups(jobs.values(), lambda job: job.dance_key)


def _job(
    row: Row,
    columns: Iterable[str],
    graph: Graph,
    arguments: Namespace,
    folder: Path,
    digests: Kept[str],
) -> GraphJob:
    for name in FILES:
        if is_url(str(row.values.get(name, ""))):
            raise InvalidInput(f"{name} is a URL, which is for animating here or with Ray: give a file.")
    values = {name: folder / str(value) if name in FILES else value for name, value in row.values.items()}
    for name in FILES:
        if name in values:
            require_file(values[name], name)
    if arguments.seed:  # 0 is the default of the command line, and workflows have seeds of their own
        values = {"seed": arguments.seed, **values}
    nodes = graph.filled(values)
    empty = {**dict.fromkeys(columns, ""), "reference": "", "driving": "", "seed": graph.seed}
    given = {**empty, **values, "row": row.number}
    name = f"{fill_template(arguments.name, given)}.{arguments.format}"
    dance = str(values.get("driving", ""))
    return GraphJob.of(
        arguments.out, name, nodes, dance, lambda path: digests.get(path, partial(digest_file, path))
    )


def animate_on_servers(arguments: Namespace, plan: Plan[GraphJob], manifest: Manifest, known: Any) -> int:
    """Run the graphs that are not done, and return how many failed."""
    failed = 0
    waiting = plan.waiting[: arguments.limit]

    def tell(result: Result) -> None:
        nonlocal failed
        bar.update()
        if result.error is not None:
            failed += 1
            say(result.sentence)

    def report(url: str, done: int, total: int) -> None:
        bar.set_postfix_str(f"{url} {done}/{total}", refresh=False)
        bar.update(0)

    with tqdm(total=len(waiting), unit="job") as bar, stopping_on_interrupt(say) as stop:
        run_on_servers(
            waiting,
            arguments.servers,
            manifest,
            Listeners(say, report, tell),
            stop,
            known=known,
            headers=_headers(arguments.header),
            in_flight=arguments.in_flight,
        )
        require_not_stopped(stop)
    return failed


def _headers(texts: Sequence[str]) -> dict[str, str]:
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InvalidInput("--header is no header: write it like 'Authorization: Bearer TOKEN'.")
        headers[name.strip()] = value.strip()
    return headers
