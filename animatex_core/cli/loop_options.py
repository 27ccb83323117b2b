"""Options of loops, of given frames and of the strength of the poses, and what they mean."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    from ..animate_x.pins import PinnedImages
    from ..animate_x.settings import SamplingSettings
    from ..driving import DrivingClip
    from ..utils.progress import Progress

LOOP_MODES = ("cut", "ping-pong")
EXTEND_FRAMES = 4
ONLY_ANIMATE_X = (
    "closed", "first", "last", "pin_strength", "extend", "extend_frames",
    "pose_strength", "pose_start", "pose_end",
)  # fmt: skip
"""Options that Animate-X++ does not have."""


def add_loop_options(parser: argparse.ArgumentParser, *, single: bool = True) -> None:
    """Add the options of loops, of given frames and of the strength of the poses.

    Args:
        parser: The parser of the command.
        single: Whether it makes a single animation, which can continue a finished one.

    """
    _add_loops(parser.add_argument_group("loops"))
    group = parser.add_argument_group("given frames, and longer animations")
    _add_given_frames(group)
    if single:
        _add_extend(group)
    _add_strength(parser.add_argument_group("strength of the poses"))


def _add_loops(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--loop",
        nargs="?",
        const=LOOP_MODES[0],
        choices=LOOP_MODES,
        help="use the part of the frames that loops best, on the beat of the sound: cut, or ping-pong, which "
        "plays forward and back; also closes the windows",
    )
    group.add_argument("--loop-min", type=int, metavar="N", help="fewest frames of the loop; default: 8")
    group.add_argument("--loop-max", type=int, metavar="N", help="most frames of the loop; default: no limit")
    group.add_argument(
        "--closed",
        action="store_const",
        const=True,
        help="for a dance that is a loop already: sample in closed windows, so that the last frame leads to "
        "the first",
    )


def _add_given_frames(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--first", type=Path, metavar="CLIP", help="an image, or a video of frames to begin with"
    )
    group.add_argument("--last", type=Path, metavar="CLIP", help="an image, or a video of frames to end with")
    group.add_argument(
        "--pin-strength",
        type=float,
        metavar="X",
        help="how strongly these are held: 1 exactly, less lets the model change them; default: 1",
    )


def _add_extend(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--extend",
        type=Path,
        metavar="CLIP",
        help="a finished animation that is continued with --frames more: give the options it was made with",
    )
    group.add_argument(
        "--extend-frames",
        type=int,
        metavar="N",
        help=f"how many of its last frames the continuation is sampled from; default: {EXTEND_FRAMES}",
    )


def _add_strength(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--pose-strength",
        type=float,
        metavar="X",
        help="factor of the pose features and of the motion attention; 0 leaves the poses out; default: 1",
    )
    group.add_argument(
        "--pose-start",
        type=float,
        metavar="X",
        help="where in the sampling poses begin, as a fraction; default: 0",
    )
    group.add_argument("--pose-end", type=float, metavar="X", help="where they end; default: 1")


def with_loop_options(sampling: "SamplingSettings", arguments: argparse.Namespace) -> "SamplingSettings":
    """Return sampling settings with closed windows and the strength of the poses, as the options specify."""
    from ..animate_x.pose_strength import PoseStrength
    from ..animate_x.settings import close_windows

    given = {
        "strength": arguments.pose_strength,
        "start": arguments.pose_start,
        "end": arguments.pose_end,
    }
    pose = PoseStrength(**{name: value for name, value in given.items() if value is not None})
    closed = arguments.closed or (arguments.loop and arguments.segments is None)
    plan = close_windows(sampling.long_clip) if closed else sampling.long_clip
    return replace(sampling, pose=pose, long_clip=plan)


def read_given_frames(arguments: argparse.Namespace) -> "PinnedImages | None":
    """Return the frames that the animation begins and ends with; None without any."""
    from ..animate_x.pins import PinnedImages

    first = tuple(_read(arguments.first))
    if arguments.finished is not None:
        if arguments.first is not None:
            raise InvalidInput("--first and --extend both say how the video begins: leave one out.")
        first = tuple(arguments.finished[-overlap(arguments) :])
    last = tuple(_read(arguments.last))
    if not first and not last:
        return None
    return PinnedImages(first, last, 1.0 if arguments.pin_strength is None else arguments.pin_strength)


def with_finished(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments with the frames of --extend as `finished`, and their size as the default.

    Raises:
        InvalidInput: The video cannot be continued with these options.

    """
    if arguments.extend is None:
        return argparse.Namespace(**{**vars(arguments), "finished": None})
    for option in ("loop", "side_by_side"):
        if getattr(arguments, option) is not None:
            raise InvalidInput(
                f"--{option.replace('_', '-')} does not work with --extend: leave one of them out."
            )
    finished = _read(arguments.extend)
    changed: dict[str, Any] = {"finished": finished}
    if arguments.size == (None, None):
        height, width, _ = finished[0].shape
        changed["size"] = width, height
    if not 1 <= overlap(arguments) <= len(finished):
        raise InvalidInput(
            f"--extend-frames is {overlap(arguments)}, but the video has {len(finished)} frames: use 1 to "
            f"{len(finished)}."
        )
    return argparse.Namespace(**{**vars(arguments), **changed})


def overlap(arguments: argparse.Namespace) -> int:
    """Return how many frames of a finished animation its continuation is sampled from."""
    return EXTEND_FRAMES if arguments.extend_frames is None else arguments.extend_frames


def cut_dance(arguments: argparse.Namespace, dance: "DrivingClip", progress: "Progress") -> "DrivingClip":
    """Return the part of the dance that is sampled: its loop, or what continues a finished animation."""
    from ..driving_loop import continuation, loop_driving
    from ..loops.loop import MIN_FRAMES, LoopSettings

    if arguments.loop is not None:
        least = MIN_FRAMES if arguments.loop_min is None else arguments.loop_min
        looped = loop_driving(dance, LoopSettings(arguments.loop, least, arguments.loop_max), progress)
        print(f"loop: frames {looped.loop.start} to {looped.loop.stop - 1}, seam {looped.loop.score:.2f}")
        return looped
    if arguments.finished is None:
        return dance
    if len(dance.poses) <= len(arguments.finished):
        raise InvalidInput(
            f"The driving video has {len(dance.poses)} frames at this stride, and the animation as many or "
            "more: there is nothing to continue it with."
        )
    return continuation(dance, len(arguments.finished), overlap(arguments))


def _read(path: Path | None) -> "list[np.ndarray]":
    from ..video.reader import read_frames

    return [] if path is None else list(read_frames(path))
