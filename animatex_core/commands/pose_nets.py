"""Which nets a command finds poses with."""

import argparse

from ..dwpose import DWPose
from ..errors import InvalidInput
from ..small_bundle import shipped
from .options import SMALL, models_folder


def find_nets(arguments: argparse.Namespace) -> DWPose | None:
    """Return the nets of --pose-nets; None where they are not here."""
    files = None if arguments.pose_nets == SMALL else models_folder(arguments).find_pose_files()
    if files is not None:
        return DWPose(*files, device=arguments.provider)
    return None if shipped() is None else DWPose(device=arguments.provider)


def require_nets(arguments: argparse.Namespace) -> DWPose:
    """As `find_nets`, and say it where small ones take DWPose's place; raises InvalidInput without any."""
    nets, folder = find_nets(arguments), models_folder(arguments).path
    if nets is None:
        raise InvalidInput(
            f"DWPose's files are not in {folder}, so poses cannot be found: run `animatex models download "
            "pose`, or give --poses."
        )
    if nets.detector is None and arguments.pose_nets != SMALL:
        print(
            f"DWPose's files are not in {folder}, so that the small built-in nets find the poses: real "
            "people need these files, which `animatex models download pose` gets."
        )
    return nets
