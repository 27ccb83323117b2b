"""Networks that share a device: each is on it only while it works."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn

from .packages import plus_package


@contextmanager
def visiting(network: nn.Module, device: torch.device, working_bytes: int = 0) -> Generator[None]:
    """Have a network on a device as long as the context lasts, then again where it was.

    working_bytes: what its activations need beside its weights. Where both do not fit on a CUDA device, the
    weights stay where they are and are copied layer by layer at every pass: slower, but it runs.
    Raises MissingDependency where that takes accelerate and it is absent.
    """
    home = next(network.parameters()).device
    if home == device:
        yield
    elif fits(network, device, working_bytes):
        network.to(device)
        try:
            yield
        finally:
            network.to(home)
    else:
        with streamed(network, device):
            yield


@contextmanager
def streamed(network: nn.Module, device: torch.device) -> Generator[None]:
    """Copy each layer to a device for the time of its work, as long as the context lasts."""
    accelerate = plus_package("accelerate")
    accelerate.cpu_offload(network, execution_device=device)
    try:
        yield
    finally:
        plus_package("accelerate.hooks").remove_hook_from_module(network, recurse=True)


def fits(network: nn.Module, device: torch.device, working_bytes: int) -> bool:
    """Whether a network finds room on a device; where nobody can tell, it is taken to."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    weights = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    return weights + working_bytes < free + cached
