"""Whether two networks are the same: to the bit in their weights, nearly in what they compute.

Weights that are mapped from a file may begin at any address. Kernels treat the values before the first
aligned one apart, so on some processors sums differ in their last bit (2e-7 of values around 1).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

TOLERANCE = 1e-5


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    """Compare names and values of all tensors exactly."""
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])] == []


def assert_near(one: Tensor, other: Tensor) -> None:
    """Compare outputs of networks whose weights are equal, but may be aligned differently."""
    torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def assert_same_networks(one: nn.Module, other: nn.Module, output: Callable[[nn.Module], Tensor]) -> None:
    """Compare the weights exactly and an output nearly."""
    assert_same_weights(one, other)
    assert_near(output(one), output(other))
