"""`animatex prepare`: encode a folder of videos as a data set for training."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from tqdm import tqdm

from ..animate_x.animation import Report
from ..animate_x.training_spec import ReferenceForm
from ..errors import InvalidInput
from ..systems import ANIMATE_X, ANIMATE_X_PLUS, SYSTEMS
from ..training.data.manifest import REPORT
from ..training.data.preparation import Encoders, Preparation, PrepareSettings, dummy_encoders, load_encoders
from ..training.data.sources import Source, Split, find_sources
from ..utils.devices import choose_device
from ..utils.text import printable
from ..utils.validation import parse_size
from .animation_options import refuse_options
from .inputs import ClipPoses
from .options import add_folder_option, add_pose_options, models_folder, positive
from .output import ProgressBar
from .preparation import StartedPreparation, add_plus_options, begin_plus, given_settings

DEFAULTS = PrepareSettings()
REFRESH = 16  # frames between updates of the progress
ENCODERS = ("released", "generated")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `prepare`."""
    parser = subparsers.add_parser(
        "prepare",
        help=summary,
        description="Detect the poses in a folder of videos, each a single shot of one person, and encode "
        "everything that training needs. If interrupted, it resumes at the current video.",
    )
    parser.add_argument(
        "clips", type=Path, metavar="FOLDER", help="folder of videos; subfolders are included"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="output folder, for the data sets DIR/train and DIR/validation and a report",
    )
    parser.add_argument(
        "--system",
        choices=tuple(SYSTEMS),
        default=ANIMATE_X.name,
        help="the system to train; clips for animate-x-plus-full also work for animate-x-plus; default: "
        "%(default)s",
    )
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="DIR",
        help="folder of pose files, NAME.json (OpenPose JSON) for NAME.mp4; missing ones are detected by "
        "DWPose and written there; default: next to the videos",
    )
    parser.add_argument(
        "--encoders",
        choices=ENCODERS,
        default="released",
        help="released: the official ones in the models folder; generated: small untrained ones, to test the "
        "pipeline; default: %(default)s",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    _add_settings(parser)
    _add_own_settings(parser)
    add_plus_options(parser)
    add_pose_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("clips")
    group.add_argument(
        "--size",
        type=parse_size,
        metavar="WxH",
        help="width and height in pixels; videos of another shape are cropped around the person; default: "
        "512x768, with Animate-X++ 480x832",
    )
    rate = group.add_mutually_exclusive_group()
    rate.add_argument(
        "--stride",
        type=positive,
        metavar="N",
        help=f"use one frame in N; default: {DEFAULTS.stride}, with Animate-X++ 1",
    )
    rate.add_argument("--fps", type=float, metavar="X", help="use about this many frames per second instead")
    group.add_argument(
        "--validation",
        type=float,
        metavar="X",
        help=f"fraction of the files that is held out, selected by name; default: {DEFAULTS.validation}",
    )
    group.add_argument("--seed", type=int, metavar="N", help="seed of that selection; default: 0")


def _add_own_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("clips for Animate-X")
    for name, help_text in (
        ("least", "minimum number of consecutive frames with a person"),
        ("most", "maximum number of frames of a clip; longer videos are split"),
        ("references", "frames of each clip from which training picks the reference"),
        ("max_stride", "largest stride between frames in training"),
    ):
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=positive,
            metavar="N",
            help=f"{help_text}; default: {getattr(DEFAULTS, name)}",
        )
    group.add_argument(
        "--reference-form",
        choices=get_args(ReferenceForm),
        help=f"how the denoiser sees the reference; default: {DEFAULTS.form}, as in the official code",
    )


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


def _begin(arguments: Namespace, sources: Sequence[Source]) -> StartedPreparation:
    options = ANIMATE_X_PLUS.preparation_options
    refuse_options(
        arguments, options, "only available for Animate-X++: leave it out, or use --system animate-x-plus"
    )
    settings = PrepareSettings(**given_settings(arguments, PrepareSettings, form="reference_form"))
    poses = ClipPoses(arguments)
    poses.announce(sources)
    preparation = Preparation(arguments.out, settings, _encoders(arguments))

    def add(source: Source, report: Report) -> None:
        preparation.add(source, poses.dance(source, partial(report, "poses")), partial(report, "encoding"))

    return StartedPreparation(preparation.manifest, add)


def _encoders(arguments: Namespace) -> Encoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return dummy_encoders(device)
    return load_encoders(models_folder(arguments), device)


PREPARATIONS: Mapping[str, Callable[[Namespace, Sequence[Source]], StartedPreparation]] = MappingProxyType(
    {ANIMATE_X.family: _begin, ANIMATE_X_PLUS.family: begin_plus}
)
"""What begins a preparation, by the family of the system."""
