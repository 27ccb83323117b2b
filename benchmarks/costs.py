"""Processor time and time on the clock: of a function, and of two in turn."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """Seconds that something took.

    Attributes:
        wall: On the clock.
        cpu: Of the processor, in user and system mode, of all threads and of the child processes that ended.

    """

    wall: float
    cpu: float


def cost_of(work: Work) -> Cost:
    """Return the cost of one run."""
    before, start = _cpu_seconds(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - start, _cpu_seconds() - before)


def in_turn(ours: Work, theirs: Work, rounds: int) -> list[tuple[Cost, Cost]]:
    """Run two functions alternately, each first in every other round, and return their costs by round."""
    costs = []
    for index in range(rounds):
        if index % 2:
            last = cost_of(theirs)
            costs.append((cost_of(ours), last))
        else:
            costs.append((cost_of(ours), cost_of(theirs)))
    return costs


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
