"""Frames that another node gives as a list, so that ComfyUI runs a node once for each of them."""

import warnings

from comfy_execution.utils import get_executing_context

from ...animatex_core.errors import AnimateXWarning, InvalidInput

REMEDY = "join the list to one batch with Rebatch Images (batch_size 4096), before poses are found in it"


def warn_of_single_frames(count: int, what: str) -> None:
    """Warn where a node runs for each item of a list, and each has only one frame.

    Args:
        count: Frames of this run.
        what: The frames, as the beginning of a sentence in the singular, such as "Each image".

    """
    context = get_executing_context()
    if count == 1 and context is not None and context.list_index:
        sentence = f"{what} of a list makes a video of its own, of one frame: to have one video, {REMEDY}."
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def require_one_batch(frames: int, poses: int) -> None:
    """Raise InvalidInput where either frames or poses seem to come one at a time, from a list."""
    if frames != poses and 1 in (frames, poses):
        raise InvalidInput(
            f"The number of driving frames is {frames}, but that of poses {poses}: give both of the same "
            f"part of a video; if the frames come as a list, {REMEDY}."
        )
