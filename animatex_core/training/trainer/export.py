"""From a training's checkpoint to the file that the Animator and the nodes read."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...checkpoints.denoiser_file import FORMAT, PREFIX
from ...checkpoints.denoiser_file import TEXT_CONTEXT as CONTEXT
from ...checkpoints.safetensors_file import write_safetensors
from ...checkpoints.soundness import check_precision, narrowed
from .checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint


def export_denoiser(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the averaged weights of a checkpoint as a denoiser's file.

    Raises InvalidInput for a type that weights cannot have, WrongCheckpoint for values that it cannot hold,
    and StorageError where the file cannot be written.
    """
    check_precision(dtype)
    averages = checkpoint.under(AVERAGE)
    layout = {PREFIX + name: (tuple(tensor.shape), dtype) for name, tensor in averages.items()}
    context = checkpoint.tensors[TEXT_CONTEXT]
    layout[CONTEXT] = (tuple(context.shape), dtype)

    def tensors() -> Iterator[tuple[str, Tensor]]:
        yield CONTEXT, narrowed(CONTEXT, context, dtype, "The checkpoint")
        for name, tensor in averages.items():
            yield PREFIX + name, narrowed(name, tensor, dtype, "The checkpoint")

    metadata = {"format": FORMAT, "config": json.dumps(checkpoint.config.model.to_dict())}
    write_safetensors(target, layout, tensors(), metadata)
