"""Options that split long videos: windows, which overlap or alternate, or segments."""

import argparse
from dataclasses import replace

from ..animate_x.windows import AlternatingWindows, LongClip, Segments, Windows
from ..errors import InvalidInput
from .animation_options import ALTERNATING


def long_clip(arguments: argparse.Namespace, usual: LongClip | None) -> LongClip | None:
    """Return how the options split long videos.

    Args:
        arguments: The parsed arguments.
        usual: That of the preset, which unset options keep; None for all frames at once.

    Raises:
        InvalidInput: Options contradict each other, or there are no windows that they could change.

    """
    if arguments.segments is not None:
        _refuse_alternating(arguments, "--segments is set: leave one of them out")
        return Segments(arguments.segments)
    plan = usual if arguments.window is None else Windows(arguments.window, arguments.window // 4)
    if not isinstance(plan, Windows):
        _refuse_alternating(arguments, "all frames are denoised at once: add --window")
        return plan
    if arguments.window_schedule != ALTERNATING:
        return plan if arguments.overlap is None else replace(plan, overlap=arguments.overlap)
    if arguments.overlap is not None:
        raise InvalidInput("--overlap has no effect on alternating windows: leave it out.")
    return AlternatingWindows(plan.size)


def _refuse_alternating(arguments: argparse.Namespace, why: str) -> None:
    if arguments.window_schedule == ALTERNATING:
        raise InvalidInput(f"--window-schedule is for windows, but {why}.")
