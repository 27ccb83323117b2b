"""What `animatex prepare` does: prepare every video of a folder, for either system."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any, get_args

import torch
from tqdm import tqdm

from ..animate_x.animation import Report
from ..systems import ANIMATE_X, ANIMATE_X_PLUS, SYSTEMS
from ..training.animate_x_plus.encoding import ClipEncoders, load_wan_encoders
from ..training.animate_x_plus.preparation import SourceClip, WanPreparation
from ..training.animate_x_plus.synthetic import DummyEncoders
from ..training.data.manifest import REPORT, SETTINGS, PreparationManifest
from ..training.data.preparation import Encoders, Preparation, dummy_encoders, load_encoders
from ..training.data.settings import PrepareSettings, SourceSettings, Task, WanPrepareSettings
from ..training.data.sources import Source, Split, find_sources
from ..training.data.work import Add, PreparationTask, prepare_sources
from ..utils.devices import choose_device
from ..utils.progress import Progress
from ..utils.text import printable
from .animation_options import NOT_FOR_PLUS, refuse_options
from .engines import (
    choose_engine,
    device_of_head,
    require_ray_options,
    stopping_workers,
    visible_models,
    with_models_folder,
)
from .inputs import ClipPoses
from .options import models_folder
from .output import ProgressBar

REFRESH = 16  # frames between updates of the progress


@dataclass(frozen=True)
class OpenPreparation:
    """A preparation with its encoders.

    Attributes:
        manifest: The record of the videos that are prepared or skipped.
        begin: Creates the data sets, or checks that they belong to this preparation.
        add: Prepares one video; raises InvalidInput if it cannot be used.

    """

    manifest: PreparationManifest
    begin: Callable[[], None]
    add: Add


def run(arguments: Namespace) -> None:
    """Prepare every video that is not prepared yet, and print a summary."""
    require_ray_options(arguments)
    arguments = with_models_folder(arguments)
    sources = find_sources(arguments.clips)
    task = _begin(arguments, sources)
    try:
        with ProgressBar(total=len(sources), desc="clips") as bar:
            _prepare(arguments, task, sources, bar)
    finally:
        report = task.manifest.report(sources)
    print(f"{arguments.out}: {_summary(report)}, see {task.manifest.folder / REPORT}")


def _begin(arguments: Namespace, sources: Sequence[Source]) -> PreparationTask:
    """Create the data sets, and return what prepares videos, here or on other machines."""
    opened = _open(arguments, sources, device_of_head(arguments))
    opened.begin()
    if arguments.engine == "local":
        add = opened.add
        return PreparationTask(opened.manifest, lambda: add)
    manifest = opened.manifest
    needed = (manifest.folder / SETTINGS, arguments.clips, *visible_models(arguments))
    del opened
    torch.cuda.empty_cache()  # for the workers
    return PreparationTask(manifest, partial(_open_elsewhere, arguments), needed)


def _open_elsewhere(arguments: Namespace) -> Add:
    return _open(arguments, (), choose_device(arguments.device)).add


def _open(arguments: Namespace, sources: Sequence[Source], device: torch.device) -> OpenPreparation:
    return PREPARATIONS[SYSTEMS[arguments.system].family](arguments, sources, device)


def _prepare(
    arguments: Namespace, task: PreparationTask, sources: Sequence[Source], bar: ProgressBar
) -> None:
    def watch(name: str, stage: str, done: int, total: int) -> None:
        bar.set_postfix_str(f"{printable(name)}: {stage} {done}/{total}", refresh=done % REFRESH == 0)

    def count(workers: int) -> None:
        bar.set_postfix_str(f"workers: {workers}")

    if arguments.engine == "local":
        task = replace(task, watch=watch)
    waiting = [source for source in sources if not task.manifest.is_done(source)]
    bar.update(len(sources) - len(waiting))
    with stopping_workers(arguments) as stop:
        for source, reason in prepare_sources(task, waiting, choose_engine(arguments, count), stop):
            bar.update()
            if reason is not None:
                tqdm.write(printable(f"{source.name} is skipped: {reason}"))


def _summary(report: dict) -> str:
    counts = [
        f"{name}: {report[name]['clips']} clips of {report[name]['files']} files" for name in get_args(Split)
    ]
    return "; ".join([*counts, f"skipped: {len(report['skipped'])} files"])


def _open_animate_x(arguments: Namespace, sources: Sequence[Source], device: torch.device) -> OpenPreparation:
    options = ANIMATE_X_PLUS.preparation_options
    refuse_options(
        arguments, options, "only available for Animate-X++: leave it out, or use --system animate-x-plus"
    )
    settings = PrepareSettings(**_given_settings(arguments, PrepareSettings, form="reference_form"))
    poses = ClipPoses(arguments)
    poses.announce(sources)
    preparation = Preparation(arguments.out, settings, _denoiser_encoders(arguments, device))

    def add(source: Source, report: Report) -> None:
        preparation.add(source, poses.dance(source, partial(report, "poses")), partial(report, "encoding"))

    return OpenPreparation(preparation.manifest, preparation.begin, add)


def _denoiser_encoders(arguments: Namespace, device: torch.device) -> Encoders:
    if arguments.encoders == "generated":
        return dummy_encoders(device)
    return load_encoders(models_folder(arguments), device)


def _open_plus(arguments: Namespace, sources: Sequence[Source], device: torch.device) -> OpenPreparation:
    """Load the encoders of Animate-X++.

    Args:
        arguments: The parsed arguments.
        sources: The videos to prepare.
        device: Of the encoders.

    Returns:
        The preparation.

    Raises:
        InvalidInput: An option is invalid, or a file is missing.

    """
    refuse_options(arguments, ANIMATE_X.preparation_options, NOT_FOR_PLUS)
    task: Task = arguments.task or "animation"
    settings = WanPrepareSettings(**_given_settings(arguments, WanPrepareSettings))
    read_clip = _clip_reader(arguments, sources, task)
    preparation = WanPreparation(arguments.out, task, settings, _wan_encoders(arguments, task, device))

    def add(source: Source, report: Report) -> None:
        clip = read_clip(source, partial(report, "poses"))
        preparation.add(source, clip, partial(report, "encoding"))

    return OpenPreparation(preparation.manifest, preparation.begin, add)


def _clip_reader(
    arguments: Namespace, sources: Sequence[Source], task: Task
) -> Callable[[Source, Progress], SourceClip]:
    if task == "ti2v":
        refuse_options(arguments, ("poses",), "only used for animation, but the task is ti2v: leave it out")
        return lambda source, progress: SourceClip.captioned(source)
    poses = ClipPoses(arguments)
    poses.announce(sources)
    return lambda source, progress: SourceClip.of_dance(poses.dance(source, progress))


def _wan_encoders(arguments: Namespace, task: Task, device: torch.device) -> ClipEncoders:
    if arguments.encoders == "generated":
        return DummyEncoders()
    driving = task == "animation" and SYSTEMS[arguments.system].variant == "full"
    return load_wan_encoders(models_folder(arguments), device, driving=driving)


def _given_settings(arguments: Namespace, kind: type[SourceSettings], **elsewhere: str) -> dict[str, Any]:
    """Return the settings whose options are set.

    Args:
        arguments: The parsed arguments.
        kind: The class of the settings.
        elsewhere: For each setting whose option has another name, that name.

    Returns:
        Keyword arguments of `kind`.

    """
    width, height = arguments.size or (None, None)
    options = {**vars(arguments), "width": width, "height": height}
    values = {field.name: options[elsewhere.get(field.name, field.name)] for field in fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


Open = Callable[[Namespace, Sequence[Source], torch.device], OpenPreparation]
PREPARATIONS: Mapping[str, Open] = MappingProxyType(
    {ANIMATE_X.family: _open_animate_x, ANIMATE_X_PLUS.family: _open_plus}
)
"""What opens a preparation, by the family of the system."""
