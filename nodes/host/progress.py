"""How nodes tell ComfyUI how far they are, and hear of the user's wish to stop."""

from typing import Any

import comfy.utils
from comfy.model_management import throw_exception_if_processing_interrupted

from ...animatex_core.utils.progress import Check, Progress

check_interrupt: Check = throw_exception_if_processing_interrupted
"""What the core calls while ffmpeg runs: raises where the user interrupts."""


def node_progress(total: int) -> Progress:
    """Return a `Progress` that moves the bar of the node that runs, and raises where the user interrupts.

    Each call asks for the interruption. The bar moves for steps of whole percents only: ComfyUI's older
    versions send a message to the browser for each move.
    """
    bar: Any = comfy.utils.ProgressBar(total)
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        throw_exception_if_processing_interrupted()
        percent = done * 100 // total if total else done
        if percent != shown:
            shown = percent
            bar.update_absolute(done, total or None)

    return report
