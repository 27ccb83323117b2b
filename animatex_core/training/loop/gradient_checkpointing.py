"""Gradient checkpointing: activations within a layer are recomputed in the backward pass."""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ...animate_x.blocks import ResidualBlock, SpatialTransformer
from ...animate_x.image_conditions import ImageConditionEncoder
from ...animate_x.temporal import TemporalTransformer
from ...animate_x.unet import AnimateXUNet

LAYERS = (ResidualBlock, SpatialTransformer, TemporalTransformer, ImageConditionEncoder)


def checkpoint_layers(unet: AnimateXUNet) -> None:
    """Enable gradient checkpointing of all layers. Outputs, gradients and names do not change."""
    for module in unet.modules():
        if isinstance(module, LAYERS):
            checkpoint_module(module)


def checkpoint_module(module: nn.Module) -> None:
    """Enable gradient checkpointing of one module."""
    # Set on the instance, so that neither the class nor the parameter names change.
    module.forward = partial(checkpoint, module.forward, use_reentrant=False)
