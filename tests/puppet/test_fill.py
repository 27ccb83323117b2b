"""Regions of masks, against definitions that are slower."""

import numpy as np
import pytest
import torch
from torch.nn.functional import max_pool2d

from animatex_core.puppet.fill import connected_region, dilate, mask_tensor


def flooded(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Visit the neighbours of every pixel, diagonal ones included."""
    found, waiting = mask & False, [*map(tuple, np.argwhere(mask & seeds))]
    while waiting:
        row, column = waiting.pop()
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if inside and mask[row, column] and not found[row, column]:
            found[row, column] = True
            waiting += [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return found


@pytest.mark.parametrize("share", [0.0, 0.3, 0.45, 0.6, 1.0])
def test_regions_are_connected_to_their_seeds(share: float) -> None:
    random = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 30), (30, 1), (24, 31), (40, 17)):
        mask, seeds = random.random((height, width)) < share, random.random((height, width)) < 0.03
        region = connected_region(mask_tensor(mask), mask_tensor(seeds))
        np.testing.assert_array_equal(region[0, 0].numpy() > 0, flooded(mask, seeds))


@pytest.mark.parametrize("pixels", [0, 1, 2, 9])
def test_masks_grow_by_a_square(pixels: int) -> None:
    mask = mask_tensor(np.random.default_rng(0).random((30, 20)) < 0.05)
    square = max_pool2d(mask, 2 * pixels + 1, stride=1, padding=pixels)
    assert torch.equal(dilate(mask, pixels), square)
