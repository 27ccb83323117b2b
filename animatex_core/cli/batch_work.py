"""How one animation of a batch is made, here or on another machine."""

from argparse import Namespace
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..animate_x.animation import Report
from ..animate_x.animator import Animator
from ..animate_x.pipeline import AnimateXPipeline
from ..batch.inputs import InputCache
from ..batch.kept import Kept
from ..batch.manifest import MANIFEST
from ..batch.plan import LOCAL
from ..batch.results import Results
from ..batch.run import process_peak
from ..batch.sharing import SharingPipeline
from ..driving import DrivingClip
from ..errors import InvalidInput
from ..utils.devices import choose_device, choose_dtype
from .animation import choose_model, read_whole_dance, write_animation
from .batch_jobs import OF_MODEL, AnimationJob, options_of
from .cut_out import check_cut_out
from .inputs import read_reference
from .kept_references import KeptReferences
from .loop_options import cut_dance

Watch = Callable[[str, str, int, int], None]
"""Called with the name of a job, its stage, what is done of that and what there is."""


def no_watch(name: str, stage: str, done: int, total: int) -> None:
    """Ignore how far a job is."""


@dataclass(frozen=True)
class AnimationTask:
    """Makes animations. What jobs with the same dance share is the dance with its poses.

    Attributes:
        folder: Where the manifest is, and where results go by default.
        watch: Called as jobs proceed; not on other machines.
        results: Where results go.
        inputs: Where inputs at URLs are fetched to.

    """

    folder: Path
    watch: Watch = no_watch
    results: Results = LOCAL
    inputs: InputCache = field(default_factory=InputCache.new)

    def model_key(self, job: AnimationJob) -> Hashable:
        """Return the options that select the model."""
        return options_of(job.arguments, OF_MODEL)

    def shared_key(self, job: AnimationJob) -> Hashable:
        """Return the options that select the dance."""
        return job.dance_key

    def prepare(self, job: AnimationJob) -> DrivingClip:
        """Return the frames of the dance that the job needs, with their poses."""
        report = partial(self.watch, job.name)
        with self.inputs.held(job.inputs):
            whole = read_whole_dance(job.arguments, job.dance, report)
            return cut_dance(job.arguments, whole, partial(report, "loop"))

    def open(self) -> "AnimationWorker":
        """Return a worker without models."""
        return AnimationWorker(self.watch, self.results, self.inputs)

    def check_place(self) -> None:
        """Raise InvalidInput if this machine does not see the folder of results."""
        if not (self.folder / MANIFEST).is_file():
            raise InvalidInput(
                f"It does not see the folder of results, {str(self.folder)!r}: put results, inputs and "
                "models on storage that all nodes have at the same path."
            )
        self.results.require_usable()


class AnimationWorker:
    """Makes animations one after the other; models and characters stay open for the next ones.

    Args:
        watch: Called as jobs proceed.
        results: Where results go.
        inputs: Where inputs at URLs are fetched to.

    """

    def __init__(self, watch: Watch, results: Results, inputs: InputCache) -> None:
        self._watch, self._name, self._results, self._inputs = watch, "", results, inputs
        self._models: Kept[Animator] = Kept(1)
        self._references = KeptReferences(read_reference)

    def do(self, job: AnimationJob, shared: Callable[[], Any]) -> None:
        """Make one animation and write it."""
        with self._inputs.held(job.inputs):
            self._animate(job, shared)

    def close(self) -> None:
        """Remove the inputs that were fetched to this machine."""
        self._inputs.clear()

    def _animate(self, job: AnimationJob, shared: Callable[[], Any]) -> None:
        arguments, self._name = job.arguments, job.name
        reference = self._references.get(arguments)
        if arguments.cut_out:
            check_cut_out(arguments, reference)
        dance: DrivingClip = shared()
        pipeline = self._models.get(options_of(arguments, OF_MODEL), partial(self._load, job))
        animation = pipeline.animate(reference, dance, choose_model(arguments).settings)
        fps = dance.choice.fps if arguments.fps is None else arguments.fps
        with self._results.writing(job) as path:
            given = Namespace(**{**vars(arguments), "out": path})
            write_animation(given, reference, dance, animation, fps)

    def peak(self) -> int | None:
        """Return the most bytes in use since the last call on the GPU, else in this process so far."""
        if not torch.cuda.is_available():
            return process_peak()
        most = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return most

    def _load(self, job: AnimationJob) -> Animator:
        device = choose_device(job.arguments.device)
        report: Report = self._report  # the pipeline outlives the job
        pipeline = job.load(choose_dtype(job.arguments.precision, device), device, report)
        return SharingPipeline.of(pipeline) if isinstance(pipeline, AnimateXPipeline) else pipeline

    def _report(self, stage: str, done: int, total: int) -> None:
        self._watch(self._name, stage, done, total)
