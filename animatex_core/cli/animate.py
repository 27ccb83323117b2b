"""`animatex animate`: animate the character of an image with the motion of a driving video."""

import argparse
from pathlib import Path

from .animation_options import add_plus_options, add_preset_option, add_sampling_options
from .cut_out import add_cut_out_flag
from .loop_options import add_loop_options
from .motion_options import add_motion_options
from .options import (
    add_clip_options,
    add_folder_option,
    add_input_options,
    add_pose_options,
    add_rate_option,
)
from .person_options import add_person_point_option
from .retarget_options import add_retarget_options


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `animate`."""
    parser = subparsers.add_parser(
        "animate",
        help=summary,
        description="Animate the character of an image with the motion of a person in a video.",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options of `animate`."""
    driving = add_input_options(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("animation.mp4"),
        metavar="FILE",
        help="output: .mp4, .webm, .gif, .mov, .webp, .apng, or a folder for PNG frames; default: "
        "%(default)s",
    )
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="poses of the driving video (OpenPose JSON); default: detected by DWPose",
    )
    add_shared_options(parser)
    add_output_options(parser).add_argument(
        "--side-by-side",
        type=Path,
        metavar="FILE",
        help="also write a video with reference, poses and result",
    )
    add_folder_option(parser)
    add_cut_out_flag(parser)
    add_motion_options(parser, driving)
    add_loop_options(parser)
    add_person_point_option(parser)
    add_preset_option(parser)


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on frames, poses, retargeting and sampling, which a batch has too."""
    add_clip_options(parser)
    add_rate_option(parser)
    add_pose_options(parser)
    add_retarget_options(parser)
    add_sampling_options(parser)
    add_plus_options(parser)


def add_output_options(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add the options on the format of the video, and return their group."""
    group = parser.add_argument_group("output video")
    group.add_argument(
        "--fps",
        type=float,
        metavar="X",
        help="frames per second; the sound is stretched to stay in sync; default: the tempo of the driving "
        "video (the official code uses 8)",
    )
    group.add_argument(
        "--quality",
        type=float,
        default=7.0,
        metavar="Q",
        help="quality of the compression, 0 to 10; default: %(default)g",
    )
    group.add_argument("--silent", action="store_true", help="leave out the sound of the driving video")
    return group


def run(arguments: argparse.Namespace) -> None:
    """Animate, and print what was written."""
    from . import animation  # imports PyTorch, which the help does without

    animation.run(arguments)
