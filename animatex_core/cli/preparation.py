"""What `animatex prepare` does with each video, and its options for Animate-X++."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, get_args

from ..animate_x.animation import Report
from ..systems import ANIMATE_X, SYSTEMS
from ..training.animate_x_plus.encoding import ClipEncoders, load_wan_encoders
from ..training.animate_x_plus.preparation import CAPTIONS, SourceClip, WanPreparation, WanPrepareSettings
from ..training.animate_x_plus.synthetic import DummyEncoders
from ..training.animate_x_plus.trainable_parts import Task
from ..training.data.manifest import PreparationManifest
from ..training.data.sources import Source, SourceSettings
from ..utils.devices import choose_device
from ..utils.progress import Progress
from .animation_options import NOT_FOR_PLUS, refuse_options
from .inputs import ClipPoses
from .options import models_folder, positive

DEFAULTS = WanPrepareSettings()


@dataclass(frozen=True)
class StartedPreparation:
    """A preparation that has begun.

    Args:
        books: The record of the videos that are prepared or skipped.
        add: Prepares one video; raises InvalidInput if it cannot be used.

    """

    books: PreparationManifest
    add: Callable[[Source, Report], None]


def given_settings(arguments: Namespace, kind: type[SourceSettings], **elsewhere: str) -> dict[str, Any]:
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


def add_plus_options(parser: ArgumentParser) -> None:
    """Add the options that only Animate-X++ has."""
    group = parser.add_argument_group("clips for Animate-X++ (--system animate-x-plus, ...-full)")
    group.add_argument(
        "--task",
        choices=get_args(Task),
        help="animation: videos of people who dance; ti2v: videos of anything that moves, each with a "
        f"caption in NAME{CAPTIONS} next to NAME.mp4; prepare both into one DIR to train on both; default: "
        "animation",
    )
    group.add_argument(
        "--frames",
        type=positive,
        metavar="N",
        help="frames of a clip, 4n + 1; longer videos are split, shorter ones skipped; default: "
        f"{DEFAULTS.frames}",
    )


def begin_plus(arguments: Namespace, sources: Sequence[Source]) -> StartedPreparation:
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
    settings = WanPrepareSettings(**given_settings(arguments, WanPrepareSettings))
    read_clip = _clip_reader(arguments, sources, task)
    preparation = WanPreparation(arguments.out, task, settings, _encoders(arguments, task))

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


def _encoders(arguments: Namespace, task: Task) -> ClipEncoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return DummyEncoders()
    driving = task == "animation" and SYSTEMS[arguments.system].variant == "full"
    return load_wan_encoders(models_folder(arguments), device, driving=driving)
