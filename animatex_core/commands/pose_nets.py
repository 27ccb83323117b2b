"""Which nets a command finds poses with."""

import argparse

from ..dwpose import DWPose
from .options import SMALL, models_folder


def find_nets(arguments: argparse.Namespace) -> DWPose:
    """Return the nets of --pose-nets, the small ones where DWPose's files are not here."""
    files = None if arguments.pose_nets == SMALL else models_folder(arguments).find_pose_files()
    detector, landmarks = files or (None, None)
    return DWPose(detector, landmarks, arguments.provider)


def announce_nets(arguments: argparse.Namespace) -> DWPose:
    """As `find_nets`, and say it where small ones take DWPose's place."""
    nets = find_nets(arguments)
    if nets.detector is None and arguments.pose_nets != SMALL:
        print(
            f"DWPose's files are not in {models_folder(arguments).path}, so that the small built-in nets "
            "find the poses: real people need these files, which `animatex models download pose` gets."
        )
    return nets
