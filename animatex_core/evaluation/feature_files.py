"""Feature networks from their published files: read as plain tensors, fitted name by name."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..checkpoints.safe_read import open_tensors
from ..checkpoints.soundness import check_kinds
from ..checkpoints.strict import load_strictly

COUNTER = "num_batches_tracked"  # of training; in some of the published files and not in others
PARALLEL = "module."  # what torch's DataParallel puts before every name

Network = TypeVar("Network", bound=nn.Module)


def load_network(
    network: Network, path: Path, what: str, device: torch.device | str = "cpu", prefix: str = ""
) -> Network:
    """Give a network on the meta device the float32 tensors of a file, for inference on `device`.

    what: the network in words; prefix: of the names in the file that are the network's.
    Raises what `open_tensors` does (a TorchScript program is UnsafeCheckpoint, and not run), and
    WrongCheckpoint unless the names and shapes are exactly the network's.
    """
    tensors = {
        key.removeprefix(PARALLEL): tensor
        for key, tensor in open_tensors(path, prefix).items()
        if not key.endswith(COUNTER)
    }
    check_kinds(tensors, path)
    return load_strictly(without_counters(network), tensors, what, str(path), device=device)


def without_counters(network: Network) -> Network:
    """Take the counters of training batches off the batch normalisations of a network, and return it."""
    for module in network.modules():
        if isinstance(getattr(module, COUNTER, None), Tensor):
            setattr(module, COUNTER, None)
    return network
