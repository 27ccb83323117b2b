"""Callbacks for the progress of long work and for interrupting it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Progress = Callable[[int, int], None]
"""Called with the work done and the total, in bytes or frames; a total of 0 means unknown."""


Check = Callable[[], None]
"""Called several times a second while an external program runs; an exception stops that program."""


def no_progress(done: int, total: int) -> None:
    """Ignore progress."""


def no_check() -> None:
    """Never interrupt."""


def with_progress(items: Iterable[Item], total: int, progress: Progress) -> Iterator[Item]:
    """Yield items, and report each one when the consumer asks for the next.

    Args:
        items: Frames, or one item per frame.
        total: The number of items; 0 if unknown.
        progress: Called after each item; an exception ends the iteration.

    Yields:
        The items in order.

    """
    for done, item in enumerate(items, start=1):
        yield item
        progress(done, total)
