"""What `animatex evaluate` does: load systems and metrics, run the benchmark and write its tables."""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..animate_x.shapes import ClipShape
from ..errors import AnimateXWarning, InvalidInput, MissingDependency
from ..evaluation.benchmark.case_work import CaseTask, SystemRun
from ..evaluation.benchmark.cases import SETTINGS, CaseSet, Setting
from ..evaluation.benchmark.folder_set import FolderSet
from ..evaluation.benchmark.report import CHART, JSON, TABLE, run_folder, write_report
from ..evaluation.benchmark.run import Benchmark, OnCase, write_or_match_settings
from ..evaluation.benchmark.systems import Size
from ..evaluation.metrics.features import Features
from ..evaluation.metrics.lpips import Lpips
from ..evaluation.metrics.measurements import Measurements
from ..evaluation.metrics.networks import FILES, MetricNetworks, load_networks
from ..evaluation.metrics.scores import METRICS
from ..hub.models_dir import ModelsDir
from ..utils.devices import choose_device
from ..utils.text import printable
from ..utils.validation import require_int
from .engines import (
    choose_engine,
    device_of_workers,
    require_ray_options,
    stopping_workers,
    visible_models,
    with_models_folder,
)
from .evaluated import NamedSystem, files_of, find_systems, open_system, usual_size
from .options import CASES, PROCEDURAL, models_folder
from .output import ProgressBar, StageBars
from .procedural_set import ProceduralSet

SETTINGS_FILE = "settings.json"


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, and print the tables."""
    require_ray_options(arguments)
    arguments = with_models_folder(arguments)
    require_int("seed", arguments.seed, least=0)
    named = find_systems(arguments)
    size = _size(arguments, usual_size(named))
    cases = _cases(arguments, size)
    metrics, left_out = _load_metrics(models_folder(arguments), _device_here(arguments))
    for message in left_out:
        print(message)
    systems = [open_system(arguments, system) for system in named]
    settings = _settings(arguments, cases, metrics, size)
    write_or_match_settings(arguments.out / SETTINGS_FILE, settings)
    for system in systems:
        write_or_match_settings(arguments.out / system.name / SETTINGS_FILE, system.identity())
    identity = {**settings, "systems": {system.name: system.identity() for system in systems}}
    notes = [_note(arguments, cases, size), *left_out]
    with warnings.catch_warnings():
        warnings.simplefilter("once", AnimateXWarning)  # they repeat for every case and system
        task = CaseTask(
            cases, {system.name: system for system in systems}, lambda: metrics, size, arguments.seed
        )
        if arguments.engine == "ray":
            task = _for_workers(arguments, task, named)
        measured = _run(arguments, Benchmark(task, metrics))
        print(printable(write_report(arguments.out, measured, cases.names, identity, notes)))
    print(", ".join(str(arguments.out / name) for name in (JSON, TABLE, CHART)))


def _size(arguments: argparse.Namespace, usual: Size) -> Size:
    width, height = arguments.size
    if width is None:
        return usual
    ClipShape(width, height, num_downsamples=0)
    return width, height


def _cases(arguments: argparse.Namespace, size: Size) -> CaseSet:
    if arguments.set == PROCEDURAL:
        return ProceduralSet(arguments.cases or CASES, arguments.frames, *size, arguments.seed)
    folder = Path(arguments.set)
    if not folder.is_dir():
        raise InvalidInput(
            f"The set {arguments.set!r} is not a folder: give an existing folder, or use {PROCEDURAL}."
        )
    return FolderSet(folder, arguments.frames, arguments.stride, arguments.cases)


def _device_here(arguments: argparse.Namespace) -> torch.device:
    """Return where the metrics are loaded here; on a cluster only their sizes are needed."""
    return torch.device("cpu") if arguments.engine == "ray" else choose_device(arguments.device)


def _for_workers(arguments: argparse.Namespace, task: CaseTask, systems: Sequence[NamedSystem]) -> CaseTask:
    """Return a task for other machines, which load the networks of the metrics themselves."""
    load = partial(_networks, models_folder(arguments), device_of_workers(arguments))
    needed = [arguments.out / SETTINGS_FILE, *visible_models(arguments), *files_of(systems)]
    if isinstance(task.cases, FolderSet):
        needed.append(task.cases.folder)
    return replace(task, load_metrics=load, needed=tuple(needed))


def _networks(folder: ModelsDir, device: torch.device) -> MetricNetworks:
    return _load_metrics(folder, device)[0]


def _load_metrics(folder: ModelsDir, device: torch.device) -> tuple[MetricNetworks, list[str]]:
    """Load the networks of the metrics; also return a message for each that lacks a file or package."""
    lpips: Lpips | None = None
    features: dict[str, Features] = {}
    left_out = []
    for metric in FILES:
        try:
            loaded = load_networks(folder, [metric], device=device)
        except (InvalidInput, MissingDependency) as error:
            left_out.append(f"{metric} is left out: {error}")
            continue
        lpips = lpips or loaded.lpips
        features.update(loaded.features)
    return MetricNetworks(lpips, features), left_out


def _settings(
    arguments: argparse.Namespace, cases: CaseSet, metrics: MetricNetworks, size: Size
) -> dict[str, Any]:
    available = Measurements.none(metrics)
    return {
        **cases.identity(),
        "size": list(size),
        "seed": arguments.seed,
        "metrics": [name for name in METRICS if name in available.averages or name in available.sets],
    }


def _run(arguments: argparse.Namespace, benchmark: Benchmark) -> dict[Setting, dict[str, Measurements]]:
    settings = [setting for setting in SETTINGS if setting in arguments.setting]
    runs = [
        SystemRun(name, setting, run_folder(arguments.out, setting, name))
        for name in benchmark.task.systems
        for setting in settings
    ]
    total = len(runs) * len(benchmark.task.cases.names)
    with _progress(arguments, total) as (on_case, count), stopping_workers(arguments) as stop:
        found = benchmark.run(runs, choose_engine(arguments, count), stop, on_case)
    return {
        setting: {run.system: found[run] for run in runs if run.setting == setting} for setting in settings
    }


@contextmanager
def _progress(arguments: argparse.Namespace, total: int) -> Iterator[tuple[OnCase, Callable[[int], None]]]:
    """Show a bar for each run, or on a cluster, where all proceed at the same time, one for all of them."""
    if arguments.engine == "local":
        with StageBars() as bars:
            yield (
                lambda run, done, total: bars.report(f"{run.system}, {run.setting}", done, total),
                lambda _: None,
            )
        return
    counts: dict[SystemRun, int] = {}
    with ProgressBar(total=total, unit="case") as bar:

        def report(run: SystemRun, done: int, _: int) -> None:
            counts[run] = done
            bar.report(sum(counts.values()), total)

        yield report, lambda workers: bar.set_postfix_str(f"workers: {workers}")


def _note(arguments: argparse.Namespace, cases: CaseSet, size: Size) -> str:
    source = "drawn characters" if arguments.set == PROCEDURAL else "a folder"
    return (
        f"{len(cases.names)} cases of {source}, {arguments.frames} frames at {size[0]}x{size[1]}, seed "
        f"{arguments.seed}; the numbers of the paper are for other videos and, for L1, another size."
    )
