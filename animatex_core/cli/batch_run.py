"""What `animatex batch` does: check, plan, animate and write the overview."""

from argparse import Namespace
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..batch.comfyui.graph import Graph
from ..batch.engine import Engine
from ..batch.inputs import InputCache
from ..batch.manifest import Entry, Manifest
from ..batch.page import PAGE, SHEET, write_contact_sheet, write_page
from ..batch.plan import LOCAL, Plan, begun, make_plan
from ..batch.results import RemoteResults, Results
from ..batch.run import record, require_not_stopped, stopping_on_interrupt
from ..errors import AnimateXError, InvalidInput, StorageError
from .batch_jobs import AnimationJob, JobReader
from .batch_rows import find_rows, require_together
from .batch_servers import animate_on_servers, read_graph_jobs
from .batch_work import AnimationTask, no_watch
from .engines import choose_engine, prepare_for_cluster, require_ray_options
from .output import say

MAX_COLUMNS = 50  # of the contact sheet

Known = Mapping[str, Entry]
Animate = Callable[[Namespace, Plan[Any], Manifest, Known], int]
"""Does the jobs of a plan, given the entries of the manifest before them; returns how many failed."""


def run(arguments: Namespace) -> None:
    """Check all jobs, do those that are not done, and write the overview."""
    inputs = InputCache.new()
    try:
        _run(arguments, inputs)
    finally:
        inputs.clear()


def _run(arguments: Namespace, inputs: InputCache) -> None:
    results = _results(arguments)
    results.require_usable()
    jobs, animate = _prepare(arguments, inputs)
    if arguments.dry_run:
        manifest = Manifest(arguments.out, read_only=True)
        plan = make_plan(jobs, manifest.entries(), results)
        print(f"{len(jobs)} jobs: {plan.summary}; {plan.estimate}.")
        return
    with begun(arguments.out, jobs, (PAGE, SHEET), results) as (manifest, plan, known):
        print(f"{len(jobs)} jobs: {plan.summary}.")
        try:
            failed = animate(arguments, plan, manifest, known)
        except (KeyboardInterrupt, AnimateXError):
            with suppress(StorageError):  # no contact sheet, so that a stop is quick
                write_page(arguments.out, jobs, manifest.entries())
            raise
        page = _overview(arguments.out, jobs, manifest, is_here=arguments.results is None)
        left = sum(entry.state == "waiting" for entry in manifest.entries().values())
    if failed:
        raise InvalidInput(
            f"{failed} jobs failed: their reasons are in {page}; start the batch again to repeat them."
        )
    print(f"{page}: {f'{left} jobs are left, start the batch again' if left else 'all results'}")


def _results(arguments: Namespace) -> Results:
    return LOCAL if arguments.results is None else RemoteResults(arguments.results)


def _prepare(arguments: Namespace, inputs: InputCache) -> tuple[Sequence[Any], Animate]:
    """Return the jobs of all rows, and what does them: this machine, or ComfyUI servers."""
    require_together(arguments)
    require_ray_options(arguments)
    rows, folder = find_rows(arguments)
    source = "The pair of folders" if arguments.jobs is None else f"The job list {str(arguments.jobs)!r}"
    if not arguments.servers:
        arguments = prepare_for_cluster(arguments)
        jobs = JobReader(arguments, folder, inputs).read(rows, source)
        return jobs, partial(_animate, inputs)
    graph = Graph.read(arguments.workflow)
    return read_graph_jobs(rows, graph, arguments, folder, source), animate_on_servers


def _animate(
    inputs: InputCache, arguments: Namespace, plan: Plan[AnimationJob], manifest: Manifest, known: Known
) -> int:
    """Do the jobs here or on a cluster, and return how many failed."""
    waiting, failed = plan.waiting[: arguments.limit], 0
    with tqdm(total=len(waiting), unit="job") as bar, stopping_on_interrupt(say) as stop:
        task, engine = _engine(arguments, bar, inputs, _results(arguments).expecting(plan.new))
        for result in record(engine.run(task, waiting, stop), manifest):
            bar.update()
            if result.error is not None:
                failed += 1
                say(result.sentence)
        require_not_stopped(stop)
    return failed


def _engine(
    arguments: Namespace, bar: "tqdm", inputs: InputCache, results: Results
) -> tuple[AnimationTask, Engine]:
    def watch(name: str, stage: str, done: int, total: int) -> None:
        bar.set_description(name, refresh=False)
        bar.set_postfix_str(f"{stage} {done}/{total}", refresh=False)
        bar.update(0)  # draws now and then

    def count(workers: int) -> None:
        bar.set_postfix_str(f"workers: {workers}")

    engine = choose_engine(arguments, count)
    if arguments.engine == "local":
        return AnimationTask(arguments.out, watch, results, inputs), engine
    return AnimationTask(arguments.out.absolute(), no_watch, results, inputs), engine


def _overview(folder: Path, jobs: Sequence[Any], manifest: Manifest, *, is_here: bool) -> Path:
    rows: dict[Hashable, list[Path]] = {}  # of the sheet, one a dance
    for job in jobs:
        rows.setdefault(job.dance_key, []).append(job.out)
    columns = min(MAX_COLUMNS, max(map(len, rows.values())))
    if is_here:
        write_contact_sheet(folder, [path for row in rows.values() for path in row], columns)
    return write_page(folder, jobs, manifest.entries())
