"""Checkpoints of a training: one safetensors file each, written atomically."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...animate_x.training_spec import TrainingSpec
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import check_keys, shapes
from ...errors import WrongCheckpoint
from .batch_schedule import Position
from .config import RunConfig

FORMAT = "animatex-training"
FOLDER = "checkpoints"
WEIGHTS, AVERAGE, TEXT_CONTEXT = "weights.", "average.", "text_context"
MOMENTS = {"exp_avg": "first_moment.", "exp_avg_sq": "second_moment.", "step": "moment_steps."}
"""Maps the state of AdamW to prefixes in the file. Parameters without a gradient so far have no state."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training between two steps.

    Attributes:
        config: The training configuration.
        position: Progress of the training.
        tensors: Weights, averages, moments and constants with the prefixes above, memory-mapped if they come
            from a file.
        trained_on: Format of the clips, for the exported denoiser. None for Animate-X++.
        scaler: State of the loss scaling of fp16, else {}.

    """

    config: RunConfig
    position: Position
    tensors: Mapping[str, Tensor]
    trained_on: TrainingSpec | None
    scaler: Mapping[str, Any] = field(default_factory=dict)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors with a prefix, and remove the prefix from their names."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def write_checkpoint(run: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint into the folder of a run and delete the oldest ones.

    Args:
        run: Folder of the run.
        checkpoint: The checkpoint. Its configuration sets how many are kept.

    Returns:
        Path of the file.

    Raises:
        StorageError: If it cannot be written.

    """
    path = run / FOLDER / f"step-{checkpoint.position.step:09}.safetensors"
    state = {**asdict(checkpoint.position), "scaler": dict(checkpoint.scaler)}
    config = json.dumps(checkpoint.config.to_dict())
    metadata = {"format": FORMAT, "state": json.dumps(state), "config": config}
    if checkpoint.trained_on is not None:
        metadata["trained_on"] = json.dumps(checkpoint.trained_on.to_dict())
    write_safetensors(path, tensor_layout(checkpoint.tensors), checkpoint.tensors.items(), metadata)
    for old in checkpoints(run)[: -checkpoint.config.checkpoints.keep]:
        old.unlink(missing_ok=True)
    return path


def checkpoints(run: Path) -> list[Path]:
    """Return the checkpoints of a run, oldest first."""
    return sorted((run / FOLDER).glob("step-*.safetensors"))


def latest_checkpoint(run: Path) -> Path:
    """Return the latest checkpoint of a run.

    Raises:
        WrongCheckpoint: If there is none.

    """
    found = checkpoints(run)
    if not found:
        raise WrongCheckpoint(
            f"{run} holds no checkpoint of a training: give the folder that was the --out of `train`."
        )
    return found[-1]


def moments(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the state of an AdamW with the prefixes of `MOMENTS`."""
    return {
        MOMENTS[key] + name: value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


@torch.no_grad()
def restore(checkpoint: Checkpoint, network: nn.Module, optimizer: Optimizer) -> None:
    """Load the weights and moments of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        network: Its parameters are overwritten.
        optimizer: AdamW over parameters of the network; its state is replaced.

    Raises:
        WrongCheckpoint: If the network has other sizes.

    """
    weights, parameters = checkpoint.under(WEIGHTS), dict(network.named_parameters())
    check_keys(shapes(parameters), shapes(weights), "the network of the configuration", "The checkpoint")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])
    state = optimizer.state_dict()
    names = {parameter: name for name, parameter in parameters.items()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    saved = {key: checkpoint.under(prefix) for key, prefix in MOMENTS.items()}
    state["state"] = {
        index: {key: _like(tensors[name], parameters[name]) for key, tensors in saved.items()}
        for index, name in enumerate(ordered)
        if name in saved["step"]
    }
    optimizer.load_state_dict(state)


def _like(saved: Tensor, parameter: Tensor) -> Tensor:
    """Copy a moment in the memory format of its parameter, or a step count as it is."""
    return saved.clone() if saved.ndim == 0 else torch.empty_like(parameter).copy_(saved)
