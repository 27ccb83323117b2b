"""What `animatex prepare` does: prepare every video of a folder, for either system."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import Any, get_args

from tqdm import tqdm

from ..animate_x.animation import Report
from ..errors import InvalidInput
from ..systems import ANIMATE_X, ANIMATE_X_PLUS, SYSTEMS
from ..training.animate_x_plus.encoding import ClipEncoders, load_wan_encoders
from ..training.animate_x_plus.preparation import SourceClip, WanPreparation
from ..training.animate_x_plus.synthetic import DummyEncoders
from ..training.data.manifest import REPORT, PreparationManifest
from ..training.data.preparation import Encoders, Preparation, dummy_encoders, load_encoders
from ..training.data.settings import PrepareSettings, SourceSettings, Task, WanPrepareSettings
from ..training.data.sources import Source, Split, find_sources
from ..utils.devices import choose_device
from ..utils.progress import Progress
from ..utils.text import printable
from .animation_options import NOT_FOR_PLUS, refuse_options
from .inputs import ClipPoses
from .options import models_folder
from .output import ProgressBar

REFRESH = 16  # frames between updates of the progress


@dataclass(frozen=True)
class StartedPreparation:
    """A preparation that has begun.

    Args:
        books: The record of the videos that are prepared or skipped.
        add: Prepares one video; raises InvalidInput if it cannot be used.

    """

    books: PreparationManifest
    add: Callable[[Source, Report], None]


def run(arguments: Namespace) -> None:
    """Prepare every video that is not prepared yet, and print a summary."""
    begin = PREPARATIONS[SYSTEMS[arguments.system].family]
    preparing = begin(arguments, sources := find_sources(arguments.clips))
    try:
        with ProgressBar(sources, desc="clips") as bar:
            for source in bar:
                if not preparing.books.is_done(source):
                    _prepare(preparing, source, bar)
    finally:
        report = preparing.books.report(sources)
    print(f"{arguments.out}: {_summary(report)}, see {preparing.books.folder / REPORT}")


def _prepare(preparing: StartedPreparation, source: Source, bar: ProgressBar) -> None:
    name = printable(source.name)

    def report(stage: str, done: int, total: int) -> None:
        bar.set_postfix_str(f"{name}: {stage} {done}/{total}", refresh=done % REFRESH == 0)

    try:
        preparing.add(source, report)
    except InvalidInput as error:
        preparing.books.skip(source, str(error))
        tqdm.write(printable(f"{name} is skipped: {error}"))


def _summary(report: dict) -> str:
    counts = [
        f"{name}: {report[name]['clips']} clips of {report[name]['files']} files" for name in get_args(Split)
    ]
    return "; ".join([*counts, f"skipped: {len(report['skipped'])} files"])


def _begin_animate_x(arguments: Namespace, sources: Sequence[Source]) -> StartedPreparation:
    options = ANIMATE_X_PLUS.preparation_options
    refuse_options(
        arguments, options, "only available for Animate-X++: leave it out, or use --system animate-x-plus"
    )
    settings = PrepareSettings(**_given_settings(arguments, PrepareSettings, form="reference_form"))
    poses = ClipPoses(arguments)
    poses.announce(sources)
    preparation = Preparation(arguments.out, settings, _denoiser_encoders(arguments))

    def add(source: Source, report: Report) -> None:
        preparation.add(source, poses.dance(source, partial(report, "poses")), partial(report, "encoding"))

    return StartedPreparation(preparation.manifest, add)


def _denoiser_encoders(arguments: Namespace) -> Encoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return dummy_encoders(device)
    return load_encoders(models_folder(arguments), device)


def _begin_plus(arguments: Namespace, sources: Sequence[Source]) -> StartedPreparation:
    """Load the encoders of Animate-X++ and open the output folder.

    Args:
        arguments: The parsed arguments.
        sources: The videos to prepare.

    Returns:
        The preparation.

    Raises:
        InvalidInput: An option is invalid, or a file is missing.

    """
    refuse_options(arguments, ANIMATE_X.preparation_options, NOT_FOR_PLUS)
    task: Task = arguments.task or "animation"
    settings = WanPrepareSettings(**_given_settings(arguments, WanPrepareSettings))
    read_clip = _clip_reader(arguments, sources, task)
    preparation = WanPreparation(arguments.out, task, settings, _wan_encoders(arguments, task))

    def add(source: Source, report: Report) -> None:
        clip = read_clip(source, partial(report, "poses"))
        preparation.add(source, clip, partial(report, "encoding"))

    return StartedPreparation(preparation.manifest, add)


def _clip_reader(
    arguments: Namespace, sources: Sequence[Source], task: Task
) -> Callable[[Source, Progress], SourceClip]:
    if task == "ti2v":
        refuse_options(arguments, ("poses",), "only used for animation, but the task is ti2v: leave it out")
        return lambda source, progress: SourceClip.captioned(source)
    poses = ClipPoses(arguments)
    poses.announce(sources)
    return lambda source, progress: SourceClip.of_dance(poses.dance(source, progress))


def _wan_encoders(arguments: Namespace, task: Task) -> ClipEncoders:
    device = choose_device(arguments.device)
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


PREPARATIONS: Mapping[str, Callable[[Namespace, Sequence[Source]], StartedPreparation]] = MappingProxyType(
    {ANIMATE_X.family: _begin_animate_x, ANIMATE_X_PLUS.family: _begin_plus}
)
"""What begins a preparation, by the family of the system."""
