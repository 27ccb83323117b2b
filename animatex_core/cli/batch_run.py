"""What `animatex batch` does: check, plan, animate and write the overview."""

from argparse import Namespace
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..animate_x.animator import Animator
from ..animate_x.pipeline import AnimateXPipeline
from ..batch.comfyui.graph import Graph
from ..batch.manifest import Entry, Manifest
from ..batch.page import PAGE, SHEET, write_contact_sheet, write_page
from ..batch.plan import Plan, begun, make_plan
from ..batch.run import process_peak, require_not_stopped, run_jobs, stopping_on_interrupt
from ..batch.sharing import Kept, SharingPipeline
from ..driving import DrivingClip
from ..errors import AnimateXError, InvalidInput, StorageError
from ..reference import Reference
from ..utils.devices import choose_device, choose_dtype
from .animation import choose_model, read_whole_dance, write_animation
from .batch_jobs import OF_DANCE, OF_MODEL, OF_REFERENCE, AnimationJob, JobReader, options_of
from .batch_rows import find_rows, require_together
from .batch_servers import animate_on_servers, read_graph_jobs
from .cut_out import check_cut_out
from .inputs import read_reference
from .loop_options import cut_dance
from .output import say

KEPT_REFERENCES = 256
MAX_COLUMNS = 50  # of the contact sheet

Known = Mapping[str, Entry]
Animate = Callable[[Namespace, Plan[Any], Manifest, Known], int]
"""Does the jobs of a plan, given the entries of the manifest before them; returns how many failed."""


def run(arguments: Namespace) -> None:
    """Check all jobs, do those that are not done, and write the overview."""
    jobs, animate = _prepare(arguments)
    if arguments.dry_run:
        manifest = Manifest(arguments.out, read_only=True)
        plan = make_plan(jobs, manifest.entries())
        print(f"{len(jobs)} jobs: {plan.summary}; {plan.estimate}.")
        return
    with begun(arguments.out, jobs, (PAGE, SHEET)) as (manifest, plan, known):
        print(f"{len(jobs)} jobs: {plan.summary}.")
        try:
            failed = animate(arguments, plan, manifest, known)
        except (KeyboardInterrupt, AnimateXError):
            with suppress(StorageError):  # no contact sheet, so that a stop is quick
                write_page(arguments.out, jobs, manifest.entries())
            raise
        page = _overview(arguments.out, jobs, manifest)
        left = sum(entry.state == "waiting" for entry in manifest.entries().values())
    if failed:
        raise InvalidInput(
            f"{failed} jobs failed: their reasons are in {page}; start the batch again to repeat them."
        )
    print(f"{page}: {f'{left} jobs are left, start the batch again' if left else 'all results'}")


def _prepare(arguments: Namespace) -> tuple[Sequence[Any], Animate]:
    """Return the jobs of all rows, and what does them: this machine, or ComfyUI servers."""
    require_together(arguments)
    rows, folder = find_rows(arguments)
    source = "The pair of folders" if arguments.jobs is None else f"The job list {str(arguments.jobs)!r}"
    if not arguments.servers:
        return JobReader(arguments, folder).read(rows, source), _animate
    jobs = read_graph_jobs(rows, Graph.read(arguments.workflow), arguments, folder, source)
    return jobs, animate_on_servers


def _animate(arguments: Namespace, plan: Plan[AnimationJob], manifest: Manifest, known: Known) -> int:
    """Do the jobs here, and return how many failed."""
    waiting, failed = plan.waiting[: arguments.limit], 0
    with tqdm(total=len(waiting), unit="job") as bar, stopping_on_interrupt(say) as stop:
        worker = Worker(bar)
        for result in run_jobs(waiting, manifest, worker.animate, stop=stop, peak=worker.peak):
            bar.update()
            if result.error is not None:
                failed += 1
                say(result.sentence)
        require_not_stopped(stop)
    return failed


def _overview(folder: Path, jobs: Sequence[Any], manifest: Manifest) -> Path:
    rows: dict[Hashable, list[Path]] = {}  # of the sheet, one a dance
    for job in jobs:
        rows.setdefault(job.dance_key, []).append(job.out)
    columns = min(MAX_COLUMNS, max(map(len, rows.values())))
    write_contact_sheet(folder, [path for row in rows.values() for path in row], columns)
    return write_page(folder, jobs, manifest.entries())


class Worker:
    """Makes animations one after the other; models, dances and characters stay open for the next ones.

    Args:
        bar: Shows the name and the stage of the job.

    """

    def __init__(self, bar: "tqdm") -> None:
        self._bar = bar
        self._models: Kept[Animator] = Kept(1)
        self._dances: Kept[DrivingClip] = Kept(1)
        self._references: Kept[Reference] = Kept(KEPT_REFERENCES)

    def animate(self, job: AnimationJob) -> None:
        """Make one animation and write it."""
        arguments = job.arguments
        self._bar.set_description(job.name)
        reference = self._references.get(
            options_of(arguments, OF_REFERENCE), partial(read_reference, arguments)
        )
        if arguments.cut_out:
            check_cut_out(arguments, reference)
        dance = self._dances.get(options_of(arguments, OF_DANCE), partial(self._read_dance, job))
        pipeline = self._models.get(options_of(arguments, OF_MODEL), partial(self._load, job))
        animation = pipeline.animate(reference, dance, choose_model(arguments).settings)
        fps = dance.choice.fps if arguments.fps is None else arguments.fps
        write_animation(arguments, reference, dance, animation, fps)

    def peak(self) -> int | None:
        """Return the most bytes in use since the last call on the GPU, else in this process so far."""
        if not torch.cuda.is_available():
            return process_peak()
        most = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return most

    def _read_dance(self, job: AnimationJob) -> DrivingClip:
        whole = read_whole_dance(job.arguments, job.dance, self._report)
        return cut_dance(job.arguments, whole, partial(self._report, "loop"))

    def _load(self, job: AnimationJob) -> Animator:
        device = choose_device(job.arguments.device)
        pipeline = job.load(choose_dtype(job.arguments.precision, device), device, self._report)
        return SharingPipeline.of(pipeline) if isinstance(pipeline, AnimateXPipeline) else pipeline

    def _report(self, stage: str, done: int, total: int) -> None:
        self._bar.set_postfix_str(f"{stage} {done}/{total}", refresh=False)
        self._bar.update(0)  # draws now and then
