"""Batches and prefetching."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from animatex_core.utils.progress import prefetch


class Counter:
    """Counts how many items were taken of it, and raises at one of them."""

    def __init__(self, last: int, error: BaseException | None = None) -> None:
        self.taken, self.last, self.error = 0, last, error

    def __iter__(self) -> "Counter":
        return self

    def __next__(self) -> int:
        self.taken += 1
        if self.taken > self.last:
            raise self.error or StopIteration
        return self.taken


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_all_items_come_in_order(count: int) -> None:
    assert list(prefetch(range(count), 2)) == list(range(count))


def test_no_more_items_are_taken_than_allowed() -> None:
    items = Counter(100)
    with closing(prefetch(items, 3)) as taken:
        assert [next(taken), next(taken)] == [1, 2]
    assert items.taken <= 5


@pytest.mark.parametrize("error", [ValueError("own"), KeyboardInterrupt()])
def test_an_error_comes_out_unchanged_after_the_items_before_it(error: BaseException) -> None:
    items = Counter(2, error)
    taken = prefetch(items, 2)
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(type(error)) as caught:
        next(taken)
    assert caught.value is error
    assert items.taken == 3


def test_the_next_item_is_computed_ahead_and_no_thread_is_left() -> None:
    before, made = threading.active_count(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    with closing(prefetch(items(), 1)) as taken:
        assert next(taken) == 1
        assert made.wait(timeout=10)
    assert threading.active_count() == before


def test_an_unused_stage_takes_nothing() -> None:
    items = Counter(5)
    prefetch(items, 2).close()
    assert items.taken == 0
