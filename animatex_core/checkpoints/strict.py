"""Weights go into a network only when every key and every shape is the network's own."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import WrongCheckpoint
from ..out_of_memory import explained
from ..wording import short

NAMED = 5  # how many keys an error spells out; the rest are counted

Network = TypeVar("Network", bound=nn.Module)


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Key -> shape; works on a network's meta state dict as on a file's tensors."""
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def check_keys(
    expected: Mapping[str, Sequence[int]],
    found: Mapping[str, Sequence[int]],
    what: str,
    source: str = "the checkpoint",
) -> None:
    """Raise WrongCheckpoint unless `found` has exactly the keys and shapes of `expected`.

    what: the network in words, "the denoiser"; source: the file in words, usually its path.
    """
    missing = [short(key) for key in expected if key not in found]
    unexpected = [short(key) for key in found if key not in expected]
    resized = [
        f"{short(key)} is {tuple(found[key])} instead of {tuple(expected[key])}"
        for key in expected
        if key in found and tuple(found[key]) != tuple(expected[key])
    ]
    faults = [
        _fault("missing", missing),
        _fault("unexpected", unexpected),
        _fault("of another shape", resized),
    ]
    if any(faults):
        raise WrongCheckpoint(
            f"{source} does not fit {what}: {'; '.join(filter(None, faults))}; "
            f"choose the file that belongs to it."
        )


def load_strictly(
    network: Network,
    tensors: Mapping[str, Tensor],
    what: str,
    source: str = "the checkpoint",
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
    expected: Mapping[str, Sequence[int]] | None = None,
) -> Network:
    """Give a network, usually one built on the meta device, the tensors of its state dict for inference.

    Where dtype and device are theirs already, tensors are assigned without a copy.

    Args:
        network: What gets the weights.
        tensors: Weights by key.
        what: The network in words, "the denoiser".
        source: The file in words, usually its path.
        dtype: What all tensors become; None leaves each as it is.
        device: Where they shall lie.
        expected: Keys and shapes, for a network whose layers do not know their weights before they are
            loaded, as some of ComfyUI's; None takes those of the network.

    Returns:
        The network in eval mode without gradients.

    Raises:
        WrongCheckpoint: As `check_keys` does.

    """
    check_keys(shapes(network.state_dict()) if expected is None else expected, shapes(tensors), what, source)
    with explained(f"{what} does not fit into the memory of {device}: load it in half precision."):
        cast = {key: tensor.to(device=device, dtype=dtype) for key, tensor in tensors.items()}
    network.load_state_dict(cast, assign=True)
    return network.requires_grad_(False).eval()


def _fault(kind: str, keys: Sequence[str]) -> str:
    rest = ", ..." if len(keys) > NAMED else ""
    return f"{len(keys)} {kind} ({', '.join(keys[:NAMED])}{rest})" if keys else ""
