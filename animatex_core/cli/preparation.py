"""What `animatex prepare` does to a video, for either system."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, get_args

from ..animate_x.animation import Report
from ..training.animate_x_plus.encoding import ClipEncoders, load_wan_encoders
from ..training.animate_x_plus.preparation import CAPTIONS, SourceClip, WanPreparation, WanPrepareSettings
from ..training.animate_x_plus.synthetic import DummyEncoders
from ..training.animate_x_plus.trainable_parts import Task
from ..training.data.manifest import PreparationManifest
from ..training.data.sources import Source, SourceSettings
from ..utils.devices import choose_device
from ..utils.progress import Progress
from .options import models_folder, positive
from .plus_options import VARIANTS, refuse
from .poses import ClipPoses


@dataclass(frozen=True)
class Preparing:
    """Where it is recorded, and what adds a clip; that raises InvalidInput for one that cannot be used."""

    books: PreparationManifest
    add: Callable[[Source, Report], None]


def given_settings(arguments: Namespace, kind: type[SourceSettings], **elsewhere: str) -> dict[str, Any]:
    """Return those settings of a kind that were given.

    elsewhere: options that are not called as the settings.
    """
    width, height = arguments.size or (None, None)
    given = {**vars(arguments), "width": width, "height": height}
    asked = {field.name: given[elsewhere.get(field.name, field.name)] for field in fields(kind)}
    return {name: value for name, value in asked.items() if value is not None}


OPTIONS = ("task", "frames")
DEFAULTS = WanPrepareSettings()
_FOREIGN = ("least", "most", "references", "max_stride", "reference_form")


def add_plus_options(parser: argparse.ArgumentParser) -> None:
    """Add what Animate-X++ alone knows."""
    group = parser.add_argument_group("the prepared clips of Animate-X++ (--system animate-x-plus, ...-full)")
    group.add_argument(
        "--task", choices=get_args(Task),
        help="animation: clips of people who dance; ti2v: clips of anything that moves, the caption of "
        f"NAME.mp4 beside it in NAME{CAPTIONS}; both into one DIR, one after the other; default: animation",
    )  # fmt: skip
    group.add_argument(
        "--frames", type=positive, metavar="N",
        help="frames of a clip, 4n + 1; longer ones are parted, shorter ones skipped; default: "
        f"{DEFAULTS.frames}",
    )  # fmt: skip


def begin_plus(arguments: Namespace, sources: Sequence[Source]) -> Preparing:
    """Open the networks and the folder; raises InvalidInput for options that cannot be or missing files."""
    refuse(arguments, _FOREIGN, "for Animate-X alone, and this is Animate-X++: leave it out")
    task: Task = arguments.task or "animation"
    settings = WanPrepareSettings(**given_settings(arguments, WanPrepareSettings))
    footage = _footage(arguments, sources, task)
    preparation = WanPreparation(arguments.out, task, settings, _encoders(arguments, task))

    def add(source: Source, report: Report) -> None:
        found = footage(source, partial(report, "poses"))
        preparation.add(source, found, partial(report, "encoding"))

    return Preparing(preparation.manifest, add)


def _footage(
    arguments: Namespace, sources: Sequence[Source], task: Task
) -> Callable[[Source, Progress], SourceClip]:
    if task == "ti2v":
        refuse(arguments, ("poses",), "for dances, and ti2v needs none: leave it out")
        return lambda source, progress: SourceClip.captioned(source)
    poses = ClipPoses(arguments)
    poses.announce(sources)
    return lambda source, progress: SourceClip.of_dance(poses.dance(source, progress))


def _encoders(arguments: Namespace, task: Task) -> ClipEncoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return DummyEncoders()
    driving = task == "animation" and VARIANTS[arguments.system] == "full"
    return load_wan_encoders(models_folder(arguments), device, driving=driving)
