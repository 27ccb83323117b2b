"""Objects that several jobs use, kept for a while."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The objects that were used last.

    Args:
        most: How many are kept at a time.

    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the object of a key, made if it is not kept.

        One that has to go is let go before the new one is made, so that two large ones never exist at once.
        """
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        while len(self._items) >= self._most:
            self._items.popitem(last=False)
        self._items[key] = made = make()
        return made
