"""Options of motion capture: a BVH file in place of the driving video, and its camera."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from .names import MOTION_RATE, UPS, VIEWS
from .options import flag_of

if TYPE_CHECKING:
    from ..motion.settings import MotionSettings

USUAL_SIZE = 512, 768
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "camera": VIEWS[0],
        "angle": 0.0,
        "fixed_camera": False,
        "up": UPS[0],
        "bones": None,
        "motion_fps": MOTION_RATE,
    }
)


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
        default=DEFAULTS["camera"],
        help="front: where the dancer faces on average; three-quarter: 45 degrees to their left; default: "
        "%(default)s",
    )
    group.add_argument(
        "--angle",
        type=float,
        default=DEFAULTS["angle"],
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
        default=DEFAULTS["up"],
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
        default=DEFAULTS["motion_fps"],
        metavar="X",
        help="frame rate to which the motion is resampled; default: %(default)g",
    )


def find_motion(arguments: argparse.Namespace) -> Path | None:
    """Return the BVH file of the arguments, None if there is a driving video.

    Raises:
        InvalidInput: There are both, or options of the other one, which would do nothing.

    """
    from ..motion.bvh import is_bvh  # imports NumPy, which the help does without

    motion, driving = getattr(arguments, "motion", None), arguments.driving
    if motion is not None and driving is not None:
        raise InvalidInput(
            "--motion and --driving are both given, but one of them is the dance: leave one out."
        )
    motion = motion or (driving if driving is not None and is_bvh(driving) else None)
    if motion is None:
        _refuse_motion_options(arguments)
    elif arguments.poses is not None:
        raise InvalidInput("--poses is given, but a motion file has poses of its own: leave it out.")
    elif arguments.driving_fps is not None:
        raise InvalidInput("--driving-fps is given, but a motion file has a frame rate: use --motion-fps.")
    return motion


def _refuse_motion_options(arguments: argparse.Namespace) -> None:
    given = [name for name, default in DEFAULTS.items() if getattr(arguments, name) != default]
    if given:
        raise InvalidInput(
            f"{flag_of(given[0])} is an option of motion capture, but the dance is a video: leave it out, or "
            "give a BVH file."
        )


def motion_settings(arguments: argparse.Namespace) -> "MotionSettings":
    """Return the settings of the options; frames have the --size of the animation, if there is one."""
    from ..motion.bones import read_bones
    from ..motion.camera import CameraSettings
    from ..motion.settings import MotionSettings

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
