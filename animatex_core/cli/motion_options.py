"""Options of motion capture: a BVH file in place of the driving video, and its camera."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..motion.bones import read_bones
from ..motion.bvh import is_bvh
from ..motion.camera import UPS, VIEWS, CameraSettings
from ..motion.settings import DEFAULT_FPS, MotionSettings

USUAL_SIZE = 512, 768


class MotionAction(argparse.Action):
    """Store the path of a recording, with which --driving is no longer required."""

    def __init__(self, *args: Any, driving: argparse.Action, **options: Any) -> None:
        super().__init__(*args, **options)
        self._driving = driving

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        self._driving.required = False


def add_motion_options(parser: argparse.ArgumentParser, driving: argparse.Action | None = None) -> None:
    """Add the options of motion capture.

    Args:
        parser: The parser of the command.
        driving: The option that --motion replaces; None for a command that takes both as one argument.

    """
    group = parser.add_argument_group("motion capture")
    if driving is not None:
        group.add_argument(
            "--motion",
            type=Path,
            action=MotionAction,
            driving=driving,
            metavar="BVH",
            help="a recorded motion in place of --driving",
        )
    group.add_argument(
        "--camera",
        choices=VIEWS,
        default=VIEWS[0],
        help="front: where the dancer faces on average; three-quarter: 45 degrees to their left; default: "
        "%(default)s",
    )
    group.add_argument(
        "--angle",
        type=float,
        default=0.0,
        metavar="DEG",
        help="orbit the camera around the dancer, 90 for their left side; default: %(default)g",
    )
    group.add_argument(
        "--fixed-camera",
        action="store_true",
        help="do not follow the dancer; their whole path is in the frame",
    )
    group.add_argument(
        "--up",
        choices=UPS,
        default=UPS[0],
        help="the axis of the file that points up, such as --up=-z; default: %(default)s",
    )
    group.add_argument(
        "--bones",
        type=Path,
        metavar="FILE",
        help="which bone is which joint, as YAML or JSON; default: by known names",
    )
    group.add_argument(
        "--motion-fps",
        type=float,
        default=DEFAULT_FPS,
        metavar="X",
        help="frame rate to which the motion is resampled; default: %(default)g",
    )


def find_motion(arguments: argparse.Namespace) -> Path | None:
    """Return the BVH file of the arguments, None if there is a driving video.

    Raises:
        InvalidInput: There are both, or poses of a driving video.

    """
    motion, driving = getattr(arguments, "motion", None), arguments.driving
    if motion is not None and driving is not None:
        raise InvalidInput(
            "--motion and --driving are both given, but one of them is the dance: leave one out."
        )
    motion = motion or (driving if driving is not None and is_bvh(driving) else None)
    if motion is not None and arguments.poses is not None:
        raise InvalidInput("--poses is given, but a motion file has poses of its own: leave it out.")
    return motion


def motion_settings(arguments: argparse.Namespace) -> MotionSettings:
    """Return the settings of the options; frames have the --size of the animation, if there is one."""
    width, height = getattr(arguments, "size", (None, None))
    camera = CameraSettings(
        view=arguments.camera,
        angle=arguments.angle,
        follow=not arguments.fixed_camera,
        up=arguments.up,
        width=width or USUAL_SIZE[0],
        height=height or USUAL_SIZE[1],
    )
    bones = {} if arguments.bones is None else read_bones(arguments.bones)
    return MotionSettings(camera, arguments.motion_fps, bones)
