"""Stages of work that run side by side, each a few items ahead of the next."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
END: Final = object()


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
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
