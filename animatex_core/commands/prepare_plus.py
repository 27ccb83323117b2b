"""`prepare` for Animate-X++: dances, or clips with a caption."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import get_args

from ..device import choose_device
from ..pipeline import Report
from ..progress import Progress
from ..training.data.sources import Source
from ..training.plus.encoders import ClipEncoders, load_wan_encoders
from ..training.plus.footage import CAPTIONS, Footage
from ..training.plus.parts import Task
from ..training.plus.prepare import WanPreparation, WanPrepareSettings
from ..training.plus.stand_in import StandIn
from .chosen import refuse
from .clip_poses import ClipPoses
from .options import models_folder, positive
from .plus import VARIANTS
from .preparing import Preparing, given_settings

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

    return Preparing(preparation.books, add)


def _footage(
    arguments: Namespace, sources: Sequence[Source], task: Task
) -> Callable[[Source, Progress], Footage]:
    if task == "ti2v":
        refuse(arguments, ("poses",), "for dances, and ti2v needs none: leave it out")
        return lambda source, progress: Footage.captioned(source)
    poses = ClipPoses(arguments)
    poses.announce(sources)
    return lambda source, progress: Footage.of_dance(poses.dance(source, progress))


def _encoders(arguments: Namespace, task: Task) -> ClipEncoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return StandIn()
    driving = task == "animation" and VARIANTS[arguments.system] == "full"
    return load_wan_encoders(models_folder(arguments), device, driving=driving)
