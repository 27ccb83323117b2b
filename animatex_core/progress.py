"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and those in all."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""
