"""Checkpoints of a training: one safetensors file each, which appears when it is whole."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...animate_x.training_spec import TrainingSpec
from ...checkpoints.safetensors_writer import layout_of, write_safetensors
from ...checkpoints.validation import check_keys, shapes
from ...errors import WrongCheckpoint
from .batch_schedule import Position
from .config import RunConfig

FORMAT = "animatex-training"
FOLDER = "checkpoints"
WEIGHTS, AVERAGE, TEXT_CONTEXT = "weights.", "average.", "text_context"
MOMENTS = {"exp_avg": "first_moment.", "exp_avg_sq": "second_moment.", "step": "moment_steps."}
"""AdamW's name of what it keeps of a parameter -> the prefix in the file. A parameter without a gradient so
far has none."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training as it stands between two steps.

    tensors: under the prefixes above, memory-mapped where they come from a file. trained_on: the clips
    that a denoiser knows. scaler: the state of fp16's loss scaling, {} without.
    """

    config: RunConfig
    position: Position
    tensors: Mapping[str, Tensor]
    trained_on: TrainingSpec | None
    scaler: Mapping[str, Any] = field(default_factory=dict)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors of a prefix without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def write_checkpoint(run: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint into the folder of a run and remove old ones beyond those to keep; return its path.

    Raises StorageError where it cannot be written.
    """
    path = run / FOLDER / f"step-{checkpoint.position.step:09}.safetensors"
    state = {**asdict(checkpoint.position), "scaler": dict(checkpoint.scaler)}
    metadata = {
        "format": FORMAT, "state": json.dumps(state), "config": json.dumps(checkpoint.config.to_dict()),
    }  # fmt: skip
    if checkpoint.trained_on is not None:
        metadata["trained_on"] = json.dumps(checkpoint.trained_on.to_dict())
    write_safetensors(path, layout_of(checkpoint.tensors), checkpoint.tensors.items(), metadata)
    for old in checkpoints(run)[: -checkpoint.config.checkpoints.keep]:
        old.unlink(missing_ok=True)
    return path


def checkpoints(run: Path) -> list[Path]:
    """Return the checkpoints of a run, the latest last."""
    return sorted((run / FOLDER).glob("step-*.safetensors"))


def latest_checkpoint(run: Path) -> Path:
    """Return the latest checkpoint of a run; raises WrongCheckpoint where there is none."""
    found = checkpoints(run)
    if not found:
        raise WrongCheckpoint(
            f"{run} holds no checkpoint of a training: name the folder that `train` was given as --out."
        )
    return found[-1]


def moments(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what an AdamW keeps of the network's parameters, under the names of the file."""
    return dict(_moments(network, optimizer))


def _moments(network: nn.Module, optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            yield MOMENTS[key] + name, value


@torch.no_grad()
def restore(checkpoint: Checkpoint, network: nn.Module, optimizer: Optimizer) -> None:
    """Put weights and moments back; raises WrongCheckpoint for a network of other sizes."""
    weights, parameters = checkpoint.under(WEIGHTS), dict(network.named_parameters())
    check_keys(shapes(parameters), shapes(weights), "the network of the configuration", "The checkpoint")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])
    state = optimizer.state_dict()
    names = {parameter: name for name, parameter in parameters.items()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    kept = {key: checkpoint.under(prefix) for key, prefix in MOMENTS.items()}
    state["state"] = {
        index: {key: _like(tensors[name], parameters[name]) for key, tensors in kept.items()}
        for index, name in enumerate(ordered)
        if name in kept["step"]
    }
    optimizer.load_state_dict(state)


def _like(kept: Tensor, parameter: Tensor) -> Tensor:
    """A copy laid out in memory as the parameter, unless it is a count."""
    return kept.clone() if kept.ndim == 0 else torch.empty_like(parameter).copy_(kept)
