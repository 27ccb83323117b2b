"""Batches of items, and prefetching in a background thread."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

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
