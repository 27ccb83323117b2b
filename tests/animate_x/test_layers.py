import pytest
import torch
import torch.nn.functional as F
from torch import nn

from animatex_core.animate_x.image_conditions import average_pool
from animatex_core.animate_x.layers import TORCH


@pytest.mark.parametrize("kernel", [(3, 1, 1), (1, 3, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_a_temporal_convolution_matches_torch(kernel: tuple[int, ...], layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    mine = TORCH.Conv3d(4, 6, kernel, padding=tuple(side // 2 for side in kernel))
    plain = nn.Conv3d(4, 6, kernel, padding=mine.padding)  # type: ignore[arg-type]
    plain.load_state_dict(mine.state_dict())
    clip = torch.randn(2, 4, 5, 6, 3).to(memory_format=layout).requires_grad_()
    expected, found = plain(clip), mine(clip)
    torch.testing.assert_close(found, expected)
    wanted, got = (
        torch.autograd.grad(y.square().sum(), [clip, net.weight])
        for y, net in ((expected, plain), (found, mine))
    )
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("size", [(6, 4), (4, 2), (5, 3)])
def test_average_pooling_matches_adaptive_pooling(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, 12, 8, requires_grad=True)
    expected, found = F.adaptive_avg_pool2d(pictures, size), average_pool(pictures, size)
    torch.testing.assert_close(found, expected)
    wanted, got = (torch.autograd.grad(y.square().sum(), pictures) for y in (expected, found))
    torch.testing.assert_close(got, wanted)
