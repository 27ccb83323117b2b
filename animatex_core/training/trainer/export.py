"""From a training's checkpoint to the file that the Animator and the nodes read."""

from pathlib import Path

import torch

from ...checkpoints.denoiser_file import DenoiserFile, write_denoiser
from ...errors import WrongCheckpoint
from .checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint
from .config import TrainingConfig


def export_denoiser(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights of a checkpoint as a denoiser's file; raises as `write_denoiser`."""
    write_denoiser(target, denoiser_of(checkpoint), dtype)


def denoiser_of(checkpoint: Checkpoint, source: str = "The checkpoint") -> DenoiserFile:
    """Return what a denoiser's file would hold of a checkpoint.

    Raises WrongCheckpoint, naming its source, for that of another system.
    """
    config = checkpoint.config
    if not isinstance(config, TrainingConfig):
        raise WrongCheckpoint(f"{source} is of a training of Animate-X++: name one of a denoiser.")
    assert checkpoint.trained_on is not None
    context = checkpoint.tensors[TEXT_CONTEXT]
    return DenoiserFile(config.model, checkpoint.under(AVERAGE), context, checkpoint.trained_on)
