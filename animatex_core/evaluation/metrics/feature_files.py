"""Feature networks from their published files: read as plain tensors, fitted name by name."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import check_kinds, load_strictly

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
    tensors = {key.removeprefix(PARALLEL): tensor for key, tensor in open_tensors(path, prefix).items()}
    weights = {key: tensor for key, tensor in tensors.items() if not key.endswith(COUNTER)}
    check_kinds(weights, path)
    counters = {key: torch.zeros(()) for key in network.state_dict() if key.endswith(COUNTER)}
    return load_strictly(network, weights | counters, what, str(path), device=device)
