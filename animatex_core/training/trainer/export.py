"""From a training's checkpoint to the file that the Animator and the nodes read."""

from pathlib import Path

import torch

from ...checkpoints.denoiser_file import DenoiserFile, write_denoiser
from .checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint


def export_denoiser(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights of a checkpoint as a denoiser's file; raises as `write_denoiser`."""
    context = checkpoint.tensors[TEXT_CONTEXT]
    averages = checkpoint.under(AVERAGE)
    file = DenoiserFile(checkpoint.config.model, averages, context, checkpoint.trained_on)
    write_denoiser(target, file, dtype)
