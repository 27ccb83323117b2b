"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done so far and what there is in all: bytes or frames; 0 in all where it is unknown."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""


Check = Callable[[], None]
"""Called several times a second while an external program runs; what it raises stops that program."""


def no_check() -> None:
    """Never stop."""
