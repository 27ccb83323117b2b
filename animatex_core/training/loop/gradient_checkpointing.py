"""Gradient checkpointing: what is between two layers is computed again on the way back, not kept."""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ...animate_x.blocks import ResidualBlock, SpatialTransformer
from ...animate_x.image_conditions import ImageConditionEncoder
from ...animate_x.temporal import TemporalTransformer
from ...animate_x.unet import AnimateXUNet

LAYERS = (ResidualBlock, SpatialTransformer, TemporalTransformer, ImageConditionEncoder)


def checkpoint_layers(unet: AnimateXUNet) -> None:
    """Let the layers keep their inputs alone for the way back. Values, gradients and names stay the same."""
    for module in unet.modules():
        if isinstance(module, LAYERS):
            recompute(module)


def recompute(module: nn.Module) -> None:
    """Let one module keep its inputs alone for the way back."""
    # An attribute of the object, so that neither the class nor the names of its parameters change.
    module.forward = partial(checkpoint, module.forward, use_reentrant=False)
