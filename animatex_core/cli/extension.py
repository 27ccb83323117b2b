"""What --extend means: a finished animation is read, checked and continued."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput, warn
from .options import flag_of

if TYPE_CHECKING:
    import numpy as np

    from ..driving import DrivingClip

EXTEND_FRAMES = 4
OPAQUE = 255


def with_finished(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments with the frames of --extend as `finished`, and their size as the default.

    Raises:
        InvalidInput: The video cannot be continued with these options.

    """
    if arguments.extend is None:
        return argparse.Namespace(**{**vars(arguments), "finished": None})
    for option in ("loop", "closed", "side_by_side"):
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"{flag_of(option)} does not work with --extend: leave one of them out.")
    finished = _read_finished(arguments.extend)
    height, width, _ = finished[0].shape
    if arguments.size not in ((None, None), (width, height)):
        raise InvalidInput(
            f"--size is {'x'.join(map(str, arguments.size))}, but the video of --extend has {width}x{height} "
            "pixels: leave --size out."
        )
    if not 1 <= overlap(arguments) <= len(finished):
        raise InvalidInput(
            f"--extend-frames is {overlap(arguments)}, but the video has {len(finished)} frames: use 1 to "
            f"{len(finished)}."
        )
    return argparse.Namespace(**{**vars(arguments), "finished": finished, "size": (width, height)})


def _read_finished(path: Path) -> "list[np.ndarray]":
    from ..video.info import probe
    from ..video.reader import read_frames

    clip = probe(path)
    if any(frame[..., 3].min() < OPAQUE for frame in read_frames(clip, indices=[0], alpha=True)):
        raise InvalidInput(
            f"The video {str(path)!r} is transparent, but the model continues only frames with a background: "
            "continue the animation from before it was cut out."
        )
    return list(read_frames(clip))


def overlap(arguments: argparse.Namespace) -> int:
    """Return how many frames of a finished animation its continuation is sampled from."""
    return EXTEND_FRAMES if arguments.extend_frames is None else arguments.extend_frames


def continue_dance(arguments: argparse.Namespace, dance: "DrivingClip") -> "DrivingClip":
    """Return the part of the dance that continues the finished animation.

    Raises:
        InvalidInput: The dance is no longer than the animation.

    """
    from ..driving_loop import continuation

    left = len(dance.poses) - len(arguments.finished)
    if left <= 0:
        raise InvalidInput(
            f"The driving video has {len(dance.poses)} frames at this stride, and the animation as many or "
            "more: there is nothing to continue it with."
        )
    if arguments.frames is not None and left < arguments.frames:
        warn(
            f"The driving video continues for only {left} frames at this stride, so {left} are added instead "
            f"of {arguments.frames}: use a longer one for more."
        )
    return continuation(dance, len(arguments.finished), overlap(arguments))
