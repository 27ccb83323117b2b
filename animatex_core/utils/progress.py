"""Progress and interruption of long work, and items in batches or made ahead in a thread."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

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


T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Group consecutive items; the last group may be shorter. `itertools.batched` needs Python 3.12."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


END: Final = object()


def prefetch(items: Iterable[T], count: int) -> Generator[T, None, None]:
    """Compute items in a background thread, ahead of the consumer.

    Close the generator to stop early: it waits for the item in progress and leaves no thread behind.

    Args:
        items: What to iterate over; its exceptions are raised in the consumer.
        count: How many items are computed ahead at most.

    Yields:
        The items in order.

    """
    iterator = (item for item in items)  # a generator is finished for good once `items` has raised
    thread = ThreadPoolExecutor(1)
    waiting: deque[Future] = deque(thread.submit(next, iterator, END) for _ in range(count))
    try:
        while (item := waiting.popleft().result()) is not END:
            waiting.append(thread.submit(next, iterator, END))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
