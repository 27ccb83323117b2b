"""The option that chooses the dancer by a point of the frame."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..pose.person import PersonPoint


class _PointAction(argparse.Action):
    """Stores the point as the person, in place of --person."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.person = values


def add_person_point_option(parser: argparse.ArgumentParser) -> None:
    """Add --person-at, which overrides the option --person before it."""
    parser.add_argument(
        "--person-at",
        action=_PointAction,
        type=person_point,
        default=argparse.SUPPRESS,
        metavar="X,Y",
        help="in place of --person: the person at this point of the first frame that shows somebody there, "
        "as fractions of width and height; 0.25,0.5 is left of the middle",
    )


def person_point(text: str) -> "PersonPoint":
    """Parse a point on a person: x and y as fractions of the frame."""
    from ..pose.person import PersonPoint  # imports NumPy, which the help does without

    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = -1.0
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(
            f"the point is {text!r}, but it must be two numbers from 0 to 1: 0.5,0.5 is the middle of the "
            "frame."
        )
    return PersonPoint(x, y)
