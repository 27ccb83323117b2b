"""`animatex retarget`: fit poses to the body of a character, with a preview over its image."""

import argparse
from pathlib import Path

from .motion_options import add_motion_options
from .options import (
    WHOLE_CLIP,
    add_folder_option,
    add_input_options,
    add_pose_options,
    add_rate_option,
)
from .person_options import add_person_point_option
from .retarget_options import add_retarget_options


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `retarget`."""
    parser = subparsers.add_parser(
        "retarget",
        help=summary,
        description="Fit the poses of a driving video to a character, to preview what `animate` does with "
        "the same options.",
    )
    driving = add_input_options(parser)
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="poses of the driving video (OpenPose JSON); default: detected by DWPose",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("retargeted.json"),
        metavar="JSON",
        help="output, as OpenPose JSON, or planar BVH if it ends in .bvh; default: %(default)s",
    )
    parser.add_argument(
        "--preview",
        type=Path,
        metavar="FILE",
        help="also draw the poses over the character: a video, or an image (.png) of eight moments",
    )
    add_rate_option(parser, "--fps")
    add_pose_options(parser)
    add_retarget_options(parser)
    add_folder_option(parser)
    parser.add_argument(
        "--puppet",
        type=Path,
        metavar="FILE",
        help="also write a video in which the image itself moves like a cut-out puppet, without any model",
    )
    add_motion_options(parser, driving)
    add_person_point_option(parser)
    parser.set_defaults(run=run, **WHOLE_CLIP)


def run(arguments: argparse.Namespace) -> None:
    """Retarget, write poses and previews, and print how the poses were fitted."""
    from . import retargeting  # imports PyTorch, which the help does without

    retargeting.run(arguments)
