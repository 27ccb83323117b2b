"""Options of the character's body and of retargeting."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .names import BODY_PARTS, MASK_SHOWS, RETARGET_MODES

if TYPE_CHECKING:
    from ..retarget.character import Box
    from ..retarget.settings import RetargetSettings

FACTORS = ("body", "legs", "arms", "neck", "shoulders", "face")


def add_retarget_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe the character, and those of retargeting."""
    _add_character(parser)
    _add_retargeting(parser)


def _add_character(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("body and position of the character")
    group.add_argument("--reference-pose", type=Path, metavar="JSON", help="its pose in the reference image")
    group.add_argument(
        "--mask",
        type=Path,
        metavar="PICTURE",
        help="an image that marks the character in white, color or alpha",
    )
    group.add_argument(
        "--box",
        type=box,
        metavar="L,T,R,B",
        help="left, top, right and bottom of the character, as fractions (0..1) of the image",
    )
    group.add_argument(
        "--mask-shows",
        choices=MASK_SHOWS,
        default=MASK_SHOWS[0],
        help="what the mask marks in white, color or alpha; automatic: detected from the edges of the mask, "
        "or from the joints of --reference-pose; default: %(default)s",
    )


def _add_retargeting(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("retargeting (explicit pose indicator)")
    group.add_argument(
        "--retarget",
        dest="mode",
        choices=RETARGET_MODES,
        default="retarget",
        help="none: keep the poses, as in the official code; align: fit them to size and position of the "
        "character; retarget: also to the lengths of its limbs; default: %(default)s",
    )
    for name in FACTORS:
        group.add_argument(
            f"--{name}",
            type=float,
            default=1.0,
            metavar="X",
            help=f"scale of the {name}, 0.1 to 10; default: 1",
        )
    parts = ", ".join(BODY_PARTS)
    group.add_argument(
        "--drop",
        nargs="+",
        default=[],
        metavar="PART",
        help=f"body parts that the character does not have: {parts}",
    )
    group.add_argument(
        "--add", nargs="+", default=[], metavar="PART", help="limbs that only the character has"
    )
    group.add_argument(
        "--ground", action="store_true", help="keep the feet on the ground that the character stands on"
    )


def retarget_settings(arguments: argparse.Namespace) -> "RetargetSettings":
    """Return the settings that the options of `add_retarget_options` describe."""
    from ..retarget.settings import Factors, RetargetSettings

    factors = Factors(**{name: getattr(arguments, name) for name in FACTORS})
    return RetargetSettings(
        mode=arguments.mode,
        factors=factors,
        drop=tuple(arguments.drop),
        add=tuple(arguments.add),
        ground=arguments.ground,
    )


def box(text: str) -> "Box":
    """Parse L,T,R,B, each as a fraction of the image."""
    from ..retarget.character import Box  # imports NumPy, which the help does without

    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"the value is {text!r}, but it must be L,T,R,B as fractions: use for example 0.2,0.1,0.8,0.9."
        ) from error
    try:
        return Box(left, top, right, bottom)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error
