"""Options of loops, of given frames and of the strength of the poses, and what they mean."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .extension import EXTEND_FRAMES, continue_dance, overlap
from .options import flag_of

if TYPE_CHECKING:
    import numpy as np

    from ..animate_x.pins import PinnedImages
    from ..animate_x.settings import SamplingSettings
    from ..driving import DrivingClip
    from ..loops.loop import LoopSettings
    from ..utils.progress import Progress

LOOP_MODES = ("cut", "ping-pong")
ONLY_ANIMATE_X = (
    "loop", "loop_min", "loop_max", "closed", "first", "last", "pin_strength", "extend", "extend_frames",
    "pose_strength", "pose_start", "pose_end",
)  # fmt: skip
"""Options that Animate-X++ does not have."""
NEEDS = {
    "loop_min": ("loop",),
    "loop_max": ("loop",),
    "extend_frames": ("extend",),
    "pin_strength": ("first", "last", "extend"),
}
"""Options that do nothing without one of these."""


def add_loop_options(parser: argparse.ArgumentParser, *, single: bool = True) -> None:
    """Add the options of loops, of given frames and of the strength of the poses.

    Args:
        parser: The parser of the command.
        single: Whether it makes a single animation, which can continue a finished one.

    """
    _add_loops(parser.add_argument_group("loops (not for Animate-X++)"))
    group = parser.add_argument_group("given frames, and longer animations (not for Animate-X++)")
    _add_given_frames(group)
    if single:
        _add_extend(group)
    _add_strength(parser.add_argument_group("strength of the poses (not for Animate-X++)"))


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


def check_loop_options(arguments: argparse.Namespace) -> None:
    """Raise InvalidInput if these options do not belong together, or if the limits of a loop are invalid."""
    for option, needed in NEEDS.items():
        if _is_given(arguments, option) and not any(_is_given(arguments, name) for name in needed):
            raise InvalidInput(
                f"{flag_of(option)} does nothing without {' or '.join(map(flag_of, needed))}: leave it out, "
                "or add that."
            )
    _loop_settings(arguments)


def _loop_settings(arguments: argparse.Namespace) -> "LoopSettings | None":
    from ..loops.loop import MIN_FRAMES, LoopSettings

    if arguments.loop is None:
        return None
    least = MIN_FRAMES if arguments.loop_min is None else arguments.loop_min
    return LoopSettings(arguments.loop, least, arguments.loop_max)


def with_loop_options(sampling: "SamplingSettings", arguments: argparse.Namespace) -> "SamplingSettings":
    """Return sampling settings with closed windows and the strength of the poses, as the options specify."""
    from ..animate_x.pose_strength import PoseStrength
    from ..animate_x.windows import close_windows

    given = {
        "strength": arguments.pose_strength,
        "start": arguments.pose_start,
        "end": arguments.pose_end,
    }
    pose = PoseStrength(**{name: value for name, value in given.items() if value is not None})
    closes = arguments.closed or arguments.loop
    plan = close_windows(sampling.long_clip) if closes else sampling.long_clip
    return replace(sampling, pose=pose, long_clip=plan)


def read_given_frames(arguments: argparse.Namespace, frames: int | None) -> "PinnedImages | None":
    """Return the frames that the animation begins and ends with; None without any.

    Args:
        arguments: The parsed arguments.
        frames: How many frames of the dance are animated; None if unknown.

    Raises:
        InvalidInput: They leave no frame to animate, or the options contradict each other.

    """
    from ..animate_x.pins import PinnedImages

    most = None if arguments.loop == "ping-pong" else frames  # the way back adds frames
    if arguments.finished is None:
        first = _read_given("--first", arguments.first, most)
    elif arguments.first is None:
        first = tuple(arguments.finished[-overlap(arguments) :])
    else:
        raise InvalidInput("--first and --extend both say how the video begins: leave one out.")
    last = _read_given("--last", arguments.last, most)
    if not first and not last:
        return None
    return PinnedImages(first, last, 1.0 if arguments.pin_strength is None else arguments.pin_strength)


def _read_given(option: str, path: Path | None, most: int | None) -> "tuple[np.ndarray, ...]":
    from ..video.info import count_frames, probe
    from ..video.reader import read_frames

    if path is None:
        return ()
    clip = probe(path)
    if most is not None and (count := count_frames(clip)) >= most:
        raise InvalidInput(
            f"The video of {option} has {count} frames, but the animation only {most}: use a shorter one, or "
            "more --frames."
        )
    return tuple(read_frames(clip))


def cut_dance(arguments: argparse.Namespace, dance: "DrivingClip", progress: "Progress") -> "DrivingClip":
    """Return the part of the dance that is sampled: its loop, or what continues a finished animation."""
    from ..driving_loop import loop_driving

    if (settings := _loop_settings(arguments)) is not None:
        looped = loop_driving(dance, settings, progress)
        print(f"loop: frames {looped.loop.start} to {looped.loop.stop - 1}, seam {looped.loop.score:.2f}")
        return looped
    if arguments.finished is None:
        return dance
    return continue_dance(arguments, dance)


def _is_given(arguments: argparse.Namespace, option: str) -> bool:
    return getattr(arguments, option, None) is not None
