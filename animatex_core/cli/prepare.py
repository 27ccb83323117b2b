"""`animatex prepare`: a folder of clips becomes a data set to train on."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from ..animate_x.animation import Report
from ..animate_x.training_spec import ReferenceForm
from ..errors import InvalidInput
from ..training.data.encoding import Encoders, dummy_encoders, load_encoders
from ..training.data.manifest import REPORT
from ..training.data.preparation import Preparation, PrepareSettings
from ..training.data.sources import Source, Split, find_sources
from ..utils.arguments import parse_size
from ..utils.devices import choose_device
from ..utils.text import printable
from .options import add_folder_option, add_pose_options, models_folder, positive
from .output import Bar
from .plus_options import VARIANTS, refuse
from .poses import ClipPoses
from .preparation import OPTIONS, Preparing, add_plus_options, begin_plus, given_settings

DEFAULTS = PrepareSettings()
REFRESH = 16  # frames after which the progress is shown anew
SYSTEM = "animate-x"
ENCODERS = ("released", "generated")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `prepare`."""
    parser = subparsers.add_parser(
        "prepare",
        help=summary,
        description="Find the poses in a folder of clips, each one shot of one person, and encode all that "
        "training needs of them. Started again, it goes on where it stopped.",
    )
    parser.add_argument("clips", type=Path, metavar="FOLDER", help="videos, in subfolders too")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help="gets the data sets DIR/train and DIR/validation, and a report",
    )  # fmt: skip
    parser.add_argument(
        "--system", choices=(SYSTEM, *VARIANTS), default=SYSTEM,
        help="what shall be trained; clips for animate-x-plus-full will do for animate-x-plus, too; default: "
        "%(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--poses", type=Path, metavar="DIR",
        help="where the poses of NAME.mp4 are read from NAME.json (OpenPose JSON) or, where DWPose has to "
        "find them, written to; default: beside the clips",
    )  # fmt: skip
    parser.add_argument(
        "--encoders", choices=ENCODERS, default="released",
        help="those of the models folder, or small ones that nobody trained, to try the way out; default: "
        "%(default)s",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    _add_settings(parser)
    _add_own_settings(parser)
    add_plus_options(parser)
    add_pose_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the prepared clips")
    group.add_argument(
        "--size", type=parse_size, metavar="WxH",
        help="pixels; clips of another shape are cut to it around the person; default: 512x768, with "
        "Animate-X++ 480x832",
    )  # fmt: skip
    rate = group.add_mutually_exclusive_group()
    rate.add_argument(
        "--stride", type=positive, metavar="N",
        help=f"use one frame in N; default: {DEFAULTS.stride}, with Animate-X++ 1",
    )  # fmt: skip
    rate.add_argument("--fps", type=float, metavar="X", help="use about so many frames a second instead")
    group.add_argument(
        "--validation", type=float, metavar="X",
        help=f"part of the files that is kept apart, by their names; default: {DEFAULTS.validation}",
    )  # fmt: skip
    group.add_argument("--seed", type=int, metavar="N", help="of that choice; default: 0")


def _add_own_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the prepared clips of Animate-X")
    for name, help_text in (
        ("least", "frames in a row that must show a person"),
        ("most", "frames of a clip; longer ones are parted"),
        ("references", "frames of each clip among which training chooses the reference"),
        ("max_stride", "the widest step that training takes through the frames that were used"),
    ):
        group.add_argument(
            f"--{name.replace('_', '-')}", type=positive, metavar="N",
            help=f"{help_text}; default: {getattr(DEFAULTS, name)}",
        )  # fmt: skip
    group.add_argument(
        "--reference-form", choices=get_args(ReferenceForm),
        help=f"as what the denoiser is shown the reference; default: {DEFAULTS.form}, as released",
    )  # fmt: skip


def run(arguments: Namespace) -> None:
    """Prepare what is not prepared yet, and say what there is."""
    begin = _begin if arguments.system == SYSTEM else begin_plus
    preparing = begin(arguments, sources := find_sources(arguments.clips))
    try:
        with Bar(sources, desc="clips") as bar:
            for source in bar:
                if not preparing.books.is_done(source):
                    _prepare(preparing, source, bar)
    finally:
        report = preparing.books.report(sources)
    print(f"{arguments.out}: {_summary(report)}, see {preparing.books.folder / REPORT}")


def _prepare(preparing: Preparing, source: Source, bar: Bar) -> None:
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


def _begin(arguments: Namespace, sources: Sequence[Source]) -> Preparing:
    refuse(arguments, OPTIONS, "for Animate-X++ alone: leave it out, or take --system animate-x-plus")
    settings = PrepareSettings(**given_settings(arguments, PrepareSettings, form="reference_form"))
    poses = ClipPoses(arguments)
    poses.announce(sources)
    preparation = Preparation(arguments.out, settings, _encoders(arguments))

    def add(source: Source, report: Report) -> None:
        preparation.add(source, poses.dance(source, partial(report, "poses")), partial(report, "encoding"))

    return Preparing(preparation.manifest, add)


def _encoders(arguments: Namespace) -> Encoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return dummy_encoders(device)
    return load_encoders(models_folder(arguments), device)
