"""Several processes that sample one video together, as `torchrun` starts them.

The first process runs the program. The others load the same model and do their share of every sampling.

Before processes exchange data, all of them state whether they have failed. So an error in one process, or a
cancellation, ends the work in all, and none waits for another that will not come. This takes place on the
CPU; only the tensors themselves are exchanged between GPUs.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import AnimateXError, ProcessFailed, warn

CPU = torch.device("cpu")
LOST = "Another process of this run has ended, so this one ends too: read the output of torchrun."

Task = Callable[[], Tensor]


class _FailedElsewhere(Exception):
    """Another process stated a failure. Not an AnimateXError, so that no handler takes it for an own one."""

    def __init__(self, error: AnimateXError) -> None:
        super().__init__(str(error))
        self.error = error


class _Finished(AnimateXError):
    """What the first process states when it has no more work."""


class Ranks:
    """The processes that work together, as seen by one of them.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes; with 1, every method does nothing but the work itself.
        device: Where this process computes.

    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device = CPU) -> None:
        self.rank, self.size, self.device = rank, size, device
        self._group: dist.ProcessGroup | None = None  # of the GPUs; None exchanges tensors through the CPU
        self._over = size == 1

    @property
    def is_first(self) -> bool:
        """Whether this process runs the program."""
        return self.rank == 0

    def use(self, device: torch.device) -> None:
        """Compute on a device from now on, and exchange tensors between GPUs if it is one; all call this."""
        self.device = device
        self.agree()
        if device.type == "cuda" and dist.is_nccl_available():
            torch.cuda.set_device(device)
            self._group = dist.new_group(backend="nccl")

    def agree(self) -> None:
        """Wait for all processes.

        Raises:
            AnimateXError: Another process failed; its error.

        """
        if self.size == 1:
            return
        try:
            self._state(None)
        except _FailedElsewhere as failure:
            self._over = True
            raise failure.error from None

    def leave(self, error: BaseException | None = None) -> None:
        """State that this process takes no further part, because of an error or because all is done."""
        if not self._over:
            self._over = True
            with suppress(_FailedElsewhere):
                self._state(error or _Finished("The first process has finished."))

    def share(self, value: Any) -> None:
        """Send an object, tensors included, from the first process to all others, which call `receive`.

        Raises:
            AnimateXError: Another process failed.

        """
        if self.size == 1:
            return
        if self._over:
            raise ProcessFailed(LOST)
        packed = io.BytesIO()
        torch.save(value, packed)
        self.agree()
        self._broadcast(torch.frombuffer(packed.getbuffer(), dtype=torch.uint8))

    def receive(self) -> Any | None:
        """Return the next object of the first process, on the device of this one; None at the end."""
        try:
            self.agree()
        except AnimateXError:
            return None
        packed = io.BytesIO(self._broadcast(None).numpy().tobytes())
        # From a process of the same run, so it is as trustworthy as this one.
        return torch.load(packed, map_location=self._place, weights_only=False)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run a block in all processes; it ends in all of them, and an error in one is raised in all.

        Raises:
            AnimateXError: The error of the process that failed.

        """
        if self.size == 1:
            yield
            return
        try:
            yield
            self._state(None)
        except _FailedElsewhere as failure:
            raise failure.error from None
        except BaseException as error:
            with suppress(_FailedElsewhere):
                self._state(error)
            raise

    def compute(self, tasks: Sequence[Task], like: Tensor) -> list[Tensor]:
        """Compute every task in one of the processes, and return all results in all of them.

        Call it within `together`, with the same tasks in all processes.

        Args:
            tasks: Task k is computed by process k modulo their number.
            like: A tensor of the shape, dtype and device of every result.

        Returns:
            The results, in the order of the tasks.

        """
        own = [task().to(like) for task in tasks[self.rank :: self.size]]
        if self.size == 1:
            return own
        block = like.new_zeros(-(-len(tasks) // self.size), *like.shape)
        for slot, result in zip(block, own, strict=False):
            slot.copy_(result)
        blocks = self.gather(block)
        return [blocks[index % self.size][index // self.size] for index in range(len(tasks))]

    def gather(self, x: Tensor) -> list[Tensor]:
        """Return the tensors of all processes, which have one shape and dtype. Call it within `together`."""
        return [x] if self.size == 1 else self.gather_in(self._group, self.size, x)

    def gather_in(self, group: dist.ProcessGroup | None, size: int, x: Tensor) -> list[Tensor]:
        """Return the tensors of the processes of one of torch's groups, in order; otherwise as `gather`."""
        sent = self.sendable(x.contiguous())
        received = [torch.empty_like(sent) for _ in range(size)]
        with self.exchanging():
            dist.all_gather(received, sent, group=group)
        return [each.to(x.device) for each in received]

    @property
    def backend(self) -> str:
        """What torch exchanges tensors with."""
        return "gloo" if self._group is None else "nccl"

    def sendable(self, x: Tensor) -> Tensor:
        """Return a tensor where it can be exchanged."""
        return x.cpu() if self._group is None else x

    @contextmanager
    def exchanging(self) -> Iterator[None]:
        """Exchange tensors in a block, after all processes have stated that they have not failed."""
        self._state(None)
        with _noticing_lost_processes():
            yield

    def warn_of_idle(self, tasks: int) -> None:
        """Warn in the first process if a step has fewer tasks than there are processes."""
        if self.is_first and tasks < self.size:
            warn(
                f"There are {self.size} processes, but a step has only {tasks} independent part"
                f"{'s' if tasks > 1 else ''}, so the others wait: more processes than this bring nothing."
            )

    def _state(self, error: BaseException | None) -> None:
        """State in all processes at once whether this one failed; raises _FailedElsewhere if another did."""
        found: list[AnimateXError | None] = [None] * self.size
        with _noticing_lost_processes():
            dist.all_gather_object(found, _portable(error))
        for rank, failure in enumerate(found):
            if failure is not None and rank != self.rank:
                prefix = "" if rank == 0 else f"Process {rank}: "
                raise _FailedElsewhere(type(failure)(f"{prefix}{failure}"))

    def _broadcast(self, data: Tensor | None) -> Tensor:
        size = torch.tensor([0 if data is None else len(data)])
        with _noticing_lost_processes():
            dist.broadcast(size, src=0)
            received = torch.empty(int(size), dtype=torch.uint8) if data is None else data
            dist.broadcast(received, src=0)
        return received

    def _place(self, storage: Any, location: str) -> Any:
        if location == "cpu":
            return storage
        return torch.serialization.default_restore_location(storage, str(self.device))


ALONE = Ranks()
"""One process, as without `torchrun`."""


def _portable(error: BaseException | None) -> AnimateXError | None:
    if error is None or isinstance(error, AnimateXError):
        return error
    return ProcessFailed(f"It failed ({type(error).__name__}): its own output says why.")


@contextmanager
def _noticing_lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # a DistBackendError too
        raise _FailedElsewhere(ProcessFailed(LOST)) from error
