"""Loads feature networks from their published files, strictly and without running code."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import check_dense_floats, load_strictly

COUNTER = "num_batches_tracked"  # only in some of the published files
PARALLEL = "module."  # prefix that torch's DataParallel adds to every key

Network = TypeVar("Network", bound=nn.Module)


def load_network(
    network: Network, path: Path, what: str, device: torch.device | str = "cpu", prefix: str = ""
) -> Network:
    """Load float32 weights into a network on the meta device, for inference.

    Args:
        network: The network.
        path: The file.
        what: Name of the network for messages.
        device: Device of the result.
        prefix: Prefix of the keys in the file that belong to the network.

    Returns:
        The network on `device`.

    Raises:
        CheckpointError: The file cannot be read; UnsafeCheckpoint for TorchScript, which is not run.
        WrongCheckpoint: Keys or shapes differ from those of the network.

    """
    tensors = {key.removeprefix(PARALLEL): tensor for key, tensor in open_tensors(path, prefix).items()}
    weights = {key: tensor for key, tensor in tensors.items() if not key.endswith(COUNTER)}
    check_dense_floats(weights, path)
    counters = {key: torch.zeros(()) for key in network.state_dict() if key.endswith(COUNTER)}
    return load_strictly(network, weights | counters, what, str(path), device=device)
