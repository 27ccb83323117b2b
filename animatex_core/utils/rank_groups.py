"""Groups of processes, each of which computes one thing together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from .ranks import Ranks


@dataclass(frozen=True)
class RankGroup:
    """A group of consecutive processes, as seen by one of them.

    All groups have one size, and do the same exchanges in the same order: before each of them, the processes
    of all groups state whether they have failed.

    Attributes:
        ranks: All processes.
        size: Number of processes of a group.
        exchanged: torch's group of these processes.

    """

    ranks: Ranks
    size: int
    exchanged: dist.ProcessGroup

    @property
    def index(self) -> int:
        """Number of this process in its group, from 0."""
        return self.ranks.rank % self.size

    def exchange(self, parts: Tensor) -> Tensor:
        """Send part i of a tensor (size, ...) to process i; return the parts of all processes, in order."""
        sent = self.ranks.sendable(parts.contiguous())
        received = torch.empty_like(sent)
        with self.ranks.exchanging():
            dist.all_to_all_single(received, sent, group=self.exchanged)
        return received.to(parts.device)

    def gather(self, x: Tensor) -> list[Tensor]:
        """Return the tensors of all processes of the group, in order."""
        return self.ranks.gather_in(self.exchanged, self.size, x)


def group_ranks(ranks: Ranks, size: int) -> RankGroup:
    """Divide all processes into groups; all of them call this.

    Args:
        ranks: The processes.
        size: Of each group; a divisor of their number.

    """
    starts: Sequence[int] = range(0, ranks.size, size)
    groups = [dist.new_group(list(range(start, start + size)), backend=ranks.backend) for start in starts]
    return RankGroup(ranks, size, groups[ranks.rank // size])
