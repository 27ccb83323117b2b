"""Inception-v3 as FID uses it: TensorFlow's network of 2015-12-05, ported to PyTorch by pytorch-fid.

It differs from torchvision's in its weights, its 1,008 classes and the pooling inside of nine blocks.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from ...utils.optional import evaluation_package

CLASSES = 1008
SIDE = 299
FEATURES = 2048
AVERAGED = ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b")
MAXIMAL = ("Mixed_7c",)


def inception_on_meta() -> nn.Module:
    """Torchvision's Inception-v3 with FID's pooling and the file's names, without memory for its weights."""
    models = evaluation_package("torchvision.models")
    with torch.device("meta"):
        network = models.Inception3(num_classes=CLASSES, aux_logits=False, init_weights=False)
    # TensorFlow's average leaves the padding out, and the last block takes a maximum instead.
    average = partial(avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    maximum = partial(max_pool2d, kernel_size=3, stride=1, padding=1)
    for names, pool in ((AVERAGED, average), (MAXIMAL, maximum)):
        for name in names:
            network.get_submodule(name).register_forward_hook(partial(_pooled_anew, pool))
    return network


def without_classifier(network: nn.Module) -> nn.Module:
    """Return the network with its 2,048 pooled features as its output, once the file is loaded into it."""
    network.fc = nn.Identity()
    return network


def inception_input(frames: Tensor) -> Tensor:
    """Frames (n, 3, h, w) in 0..1 -> (n, 3, 299, 299) in -1..1.

    As in pytorch-fid, which DisCo's script runs for FID: bilinear, stretched, corners not aligned, without
    smoothing before a picture is made smaller (clean-fid and torch-fidelity resize otherwise).
    """
    return 2 * interpolate(frames, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def _pooled_anew(pool: Any, block: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    # The pooled branch is the last part of a block's output.
    branch = block.get_submodule("branch_pool")(pool(inputs[0]))
    return torch.cat([output[:, : -branch.shape[1]], branch], dim=1)
