"""`animatex prepare`: encode a folder of videos as a data set for training."""

import argparse
from pathlib import Path
from typing import get_args

from ..animate_x.training_spec import ReferenceForm
from ..systems import ANIMATE_X, SYSTEMS
from ..training.data.settings import CAPTIONS, PrepareSettings, Task, WanPrepareSettings
from ..utils.validation import parse_size
from .engine_options import add_engine_options
from .options import add_folder_option, add_pose_options, positive

DEFAULTS, PLUS_DEFAULTS = PrepareSettings(), WanPrepareSettings()
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
    _add_plus_settings(parser)
    add_pose_options(parser)
    add_folder_option(parser)
    add_engine_options(parser)
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


def _add_plus_settings(parser: argparse.ArgumentParser) -> None:
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
        f"{PLUS_DEFAULTS.frames}",
    )


def run(arguments: argparse.Namespace) -> None:
    """Prepare every video that is not prepared yet, and print a summary."""
    from . import preparation  # imports PyTorch, which the help does without

    preparation.run(arguments)
