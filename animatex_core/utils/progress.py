"""How long work tells how far it is."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Progress = Callable[[int, int], None]
"""Called with what is done so far and what there is in all: bytes or frames; 0 in all where it is unknown."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""


def with_progress(items: Iterable[Item], total: int, progress: Progress) -> Iterator[Item]:
    """Yield items and report each one when the caller comes back for the next.

    Args:
        items: Frames, or what there is one of for each frame.
        total: How many items there are, 0 where it is unknown.
        progress: What it raises ends the iteration.

    """
    for done, item in enumerate(items, start=1):
        yield item
        progress(done, total)


Check = Callable[[], None]
"""Called several times a second while an external program runs; what it raises stops that program."""


def no_check() -> None:
    """Never stop."""
