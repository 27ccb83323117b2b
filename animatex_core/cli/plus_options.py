"""Options of Animate-X++."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from ..errors import InvalidInput
from .defaults import PLUS_GUIDANCE, PLUS_PROMPT, PLUS_SHIFT, PLUS_STEPS

NOT_FOR_PLUS = "only available for Animate-X, but this is Animate-X++: leave it out"


def refuse_options(arguments: argparse.Namespace, options: Iterable[str], why: str) -> None:
    """Raise InvalidInput if one of these options is set.

    Args:
        arguments: The parsed arguments.
        options: Names of arguments, None where unset.
        why: The end of the sentence, after "--option is".

    """
    for option in options:
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"--{option.replace('_', '-')} is {why}.")


def add_plus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only Animate-X++ has."""
    group = parser.add_argument_group(
        "Animate-X++ (--model animate-x-plus, --model animate-x-plus-full, or one of its files)",
        f"The defaults match the official code: 480x832, {PLUS_STEPS} steps, guidance "
        f"{PLUS_GUIDANCE['simple']:g}, for the full variant {PLUS_GUIDANCE['full']:g}.",
    )
    group.add_argument(
        "--prompt",
        metavar="TEXT",
        help=f"the scene and the motion of the background; default: {PLUS_PROMPT!r}",
    )
    group.add_argument(
        "--negative-prompt", metavar="TEXT", help="what to avoid; default: the official prompt, in Chinese"
    )
    group.add_argument(
        "--shift",
        type=float,
        metavar="X",
        help=f"shift of the noise schedule towards more noise; default: {PLUS_SHIFT:g}",
    )
    group.add_argument(
        "--teacache",
        type=float,
        metavar="X",
        help="skip steps that change little, up to this threshold (0.3 in the official code); default: off",
    )
    group.add_argument(
        "--wan",
        type=Path,
        metavar="FILE",
        help="Wan's image-to-video transformer; default: the one in the models folder",
    )
