"""Gradient checkpointing: what is between two layers is computed again on the way back, not kept."""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ...model.pictures import PictureConvolutions
from ...model.residual import ResidualBlock
from ...model.spatial import SpatialTransformer
from ...model.temporal import TemporalTransformer
from ...model.unet import AnimateXUNet

LAYERS = (ResidualBlock, SpatialTransformer, TemporalTransformer, PictureConvolutions)


def recompute_layers(unet: AnimateXUNet) -> None:
    """Let the layers keep their inputs alone for the way back. Values, gradients and names stay the same."""
    for module in unet.modules():
        if isinstance(module, LAYERS):
            recompute(module)


def recompute(module: nn.Module) -> None:
    """Let one module keep its inputs alone for the way back."""
    # An attribute of the object, so that neither the class nor the names of its parameters change.
    module.forward = partial(checkpoint, module.forward, use_reentrant=False)
