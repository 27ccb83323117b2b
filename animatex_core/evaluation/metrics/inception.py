"""The Inception-v3 of FID: TensorFlow's network of 2015-12-05, as ported by pytorch-fid.

It differs from torchvision's in its weights, its 1,008 classes and the pooling in nine blocks.
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
    """Build torchvision's Inception-v3 with FID's pooling on the meta device.

    Raises:
        MissingDependency: torchvision is not installed.

    """
    models = evaluation_package("torchvision.models")
    with torch.device("meta"):
        network = models.Inception3(num_classes=CLASSES, aux_logits=False, init_weights=False)
    # TensorFlow's average pooling excludes the padding, and the last block uses max pooling instead.
    average = partial(avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    maximum = partial(max_pool2d, kernel_size=3, stride=1, padding=1)
    for names, pool in ((AVERAGED, average), (MAXIMAL, maximum)):
        for name in names:
            network.get_submodule(name).register_forward_hook(partial(_replace_pooled_branch, pool))
    return network


def without_classifier(network: nn.Module) -> nn.Module:
    """Make a loaded network output its 2,048 pooled features."""
    network.fc = nn.Identity()
    return network


def inception_input(frames: Tensor) -> Tensor:
    """Resize frames (n, 3, h, w) in 0..1 to (n, 3, 299, 299) in -1..1.

    As in pytorch-fid, which DisCo's script runs for FID: bilinear without antialiasing, `align_corners=False`
    and regardless of the aspect ratio. clean-fid and torch-fidelity resize differently.
    """
    return 2 * interpolate(frames, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def _replace_pooled_branch(pool: Any, block: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    # The pooled branch is the last part of a block's output.
    branch = block.get_submodule("branch_pool")(pool(inputs[0]))
    return torch.cat([output[:, : -branch.shape[1]], branch], dim=1)
