"""Joining the processes that `torchrun` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # keeps the group that exists at its import, so it comes before any

from ..errors import InvalidInput
from .devices import choose_device
from .launch import process_count
from .ranks import Ranks

# The others wait while the first one detects poses or writes a video. A process that ends is noticed at once.
PATIENCE = timedelta(days=7)


@contextmanager
def join_torchrun(device: str = "auto") -> Iterator[Ranks]:
    """Join the processes that `torchrun` started, within this context; without it, this is one process.

    Args:
        device: "auto" and "cuda" select one GPU per process by LOCAL_RANK; "auto" falls back to the CPU.

    Yields:
        The processes. At the end of the context in the first one, `receive` returns None in the others.

    Raises:
        InvalidInput: There is no such device for every process.

    """
    if process_count() == 1:
        yield Ranks(device=choose_device(device))
        return
    dist.init_process_group("gloo", timeout=PATIENCE)
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    try:
        ranks.use(_own_device(device))
        yield ranks
        ranks.leave()
    except BaseException as error:
        ranks.leave(error)
        raise
    finally:
        end_group()


def end_group() -> None:
    """End the exchange of data with other processes, if there is any.

    Its threads end too. One that still frees a tensor while Python itself ends would abort the process.
    """
    if dist.is_initialized():
        dist.destroy_process_group()


def _own_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name != "cuda":
        if name != "cpu":
            raise InvalidInput(
                f"Device {name!r} cannot be shared by several processes: use cuda, for one GPU each, or cpu."
            )
        return torch.device("cpu")
    number, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= count:
        raise InvalidInput(
            f"There are more processes than GPUs, of which this machine has {count}: use --nproc_per_node "
            f"{max(count, 1)}, or the device cpu."
        )
    return choose_device(f"cuda:{number}")
