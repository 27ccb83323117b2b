"""`animatex epi`: draw how the explicit pose indicator changes poses in training."""

import argparse
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..pose.formats.reader import read_poses
from ..pose.formats.text import pose_files_in
from ..pose.keypoints import PoseSequence
from ..utils.files import check_writable
from ..video.image import write_image
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
    from ..training.epi.grid import epi_grid
    from ..training.epi.indicator import ExplicitPoseIndicator
    from ..training.epi.pose_pool import PosePool
    from ..training.epi.settings import EpiSettings

    check_writable(arguments.out)
    if arguments.seed < 0:
        raise InvalidInput(f"--seed is {arguments.seed}, but it must be 0 or more: use the default, 0.")
    settings = EpiSettings(probability=arguments.probability)
    settings = settings.without(*(name.replace("-", "_") for name in arguments.without))
    sequences = [read_poses(path) for path in arguments.poses]
    anchors = (pose_files_in(path) if path.is_dir() else [path] for path in arguments.anchors)
    pool = PosePool(sequences + [read_poses(path) for paths in anchors for path in paths])
    rngs = [np.random.default_rng([arguments.seed, row]) for row in range(arguments.rows)]
    clips = [_select_clip(sequences[row % len(sequences)], arguments, rng) for row, rng in enumerate(rngs)]
    write_image(arguments.out, epi_grid(clips, ExplicitPoseIndicator(pool, settings), rngs))
    print(f"{arguments.out}: {len(rngs)} clips, {len(pool)} poses to draw anchors from")


def _select_clip(
    poses: PoseSequence, arguments: argparse.Namespace, rng: np.random.Generator
) -> PoseSequence:
    """Select frames from a random start; a short clip repeats its last one."""
    steps = arguments.stride * np.arange(arguments.frames)
    start = rng.integers(max(1, len(poses) - steps[-1]))
    return poses.select(np.minimum(start + steps, len(poses) - 1).tolist())
