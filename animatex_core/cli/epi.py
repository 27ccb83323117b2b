"""`animatex epi`: draw how the explicit pose indicator changes poses in training."""

import argparse
from pathlib import Path

from .options import positive

# The operations that the ablations of the paper leave out; their settings have underscores.
OPERATIONS = ("add", "drop", "body-shoulders", "neck-face", "arms-legs", "rescaling", "realignment")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `epi`."""
    parser = subparsers.add_parser(
        "epi",
        help=summary,
        description="Draw in each row the poses of a clip, a random anchor pose, and the poses that the "
        "explicit pose indicator turns them into for training.",
    )
    parser.add_argument(
        "--poses",
        type=Path,
        nargs="+",
        required=True,
        metavar="JSON",
        help="driving poses: OpenPose JSON, or folders with one file per frame; they also serve as anchors",
    )
    parser.add_argument(
        "--anchors",
        type=Path,
        nargs="+",
        default=[],
        metavar="JSON",
        help="more anchor poses: files, or folders with one file per clip",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("epi.png"),
        metavar="PICTURE",
        help="output image; default: %(default)s",
    )
    parser.add_argument(
        "--rows", type=positive, default=8, metavar="N", help="number of clips; default: %(default)s"
    )
    parser.add_argument(
        "--frames", type=positive, default=5, metavar="N", help="frames of each clip; default: %(default)s"
    )
    parser.add_argument(
        "--stride", type=positive, default=4, metavar="N", help="use one frame in N; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--probability",
        type=float,
        default=0.98,
        metavar="X",
        help="fraction of clips that are transformed (lambda), 0 to 1; default: %(default)s",
    )
    parser.add_argument(
        "--without",
        choices=OPERATIONS,
        nargs="+",
        default=[],
        metavar="WHAT",
        help=f"operations to leave out, as in the ablations of the paper: {', '.join(OPERATIONS)}",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Draw the grid, and print the number of clips and anchor poses."""
    from . import epi_grid  # imports PyTorch, which the help does without

    epi_grid.run(arguments)
