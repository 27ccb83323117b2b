"""What animations share, computed once: objects that are kept for a while, and the features of a dance."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..animate_x.animation import DrivingSource
from ..animate_x.conditioning import MotionFeatures
from ..animate_x.pipeline import AnimateXPipeline

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


@dataclass(frozen=True)
class SharingPipeline(AnimateXPipeline):
    """A pipeline that encodes a driving video once while it is used for one animation after the other."""

    last: list[tuple[DrivingSource, MotionFeatures]] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, pipeline: AnimateXPipeline) -> "SharingPipeline":
        """Return a pipeline with the same models and settings."""
        return cls(pipeline.networks, pipeline.report, pipeline.sampling, pipeline.dwpose)

    def encode_driving(self, driving: DrivingSource) -> MotionFeatures:
        """Return what the implicit pose indicator reads of a driving video; may raise InvalidInput."""
        if not self.last or self.last[0][0] is not driving:
            self.last.clear()
            self.last.append((driving, super().encode_driving(driving)))
        return self.last[0][1]
