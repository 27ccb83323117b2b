"""From a training's checkpoint to the file that the Animator and the nodes read."""

from pathlib import Path

import torch

from ...checkpoints.denoiser_file import DenoiserFile, write_denoiser
from .checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint


def denoiser_of(checkpoint: Checkpoint) -> DenoiserFile:
    """Return the averaged weights of a checkpoint, as a denoiser's file holds them."""
    context = checkpoint.tensors[TEXT_CONTEXT]
    return DenoiserFile(checkpoint.config.model, checkpoint.under(AVERAGE), context, checkpoint.trained_on)


def export_denoiser(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights of a checkpoint as a denoiser's file; raises as `write_denoiser`."""
    write_denoiser(target, denoiser_of(checkpoint), dtype)
