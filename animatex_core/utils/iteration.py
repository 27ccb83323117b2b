"""Items in batches, and stages of work that run side by side."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Group consecutive items, the last group as long as they last; itertools has it from Python 3.12 on."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


END: Final = object()


def prefetch(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """Take items in a thread of their own, at most so many before they are asked for.

    What the iterable raises is raised here. Close the generator to stop early: it waits for the item in the
    making, takes no further one, and leaves no thread behind.
    """
    iterator = (item for item in items)  # asks for nothing more once `items` has raised
    thread = ThreadPoolExecutor(1)
    waiting: deque[Future] = deque(thread.submit(next, iterator, END) for _ in range(most))
    try:
        while (item := waiting.popleft().result()) is not END:
            waiting.append(thread.submit(next, iterator, END))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
