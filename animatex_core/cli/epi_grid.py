"""What `animatex epi` does: read poses, transform them and draw the grid."""

import argparse

import numpy as np

from ..errors import InvalidInput
from ..pose.formats.reader import read_poses
from ..pose.formats.text import pose_files_in
from ..pose.keypoints import PoseSequence
from ..training.epi.grid import epi_grid
from ..training.epi.indicator import ExplicitPoseIndicator
from ..training.epi.pose_pool import PosePool
from ..training.epi.settings import EpiSettings
from ..utils.files import check_writable
from ..video.image import write_image


def run(arguments: argparse.Namespace) -> None:
    """Draw the grid, and print the number of clips and anchor poses."""
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
