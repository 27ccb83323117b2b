"""Reads training checkpoints of all systems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..animate_x.training_spec import TrainingSpec
from ..checkpoints.safe_load import open_tensors, read_metadata
from ..errors import WrongCheckpoint
from ..utils.documents import document_errors, parse_json
from ..utils.validation import require_int
from .config_file import parse_config
from .loop.batch_schedule import Position
from .loop.checkpoint import FORMAT, Checkpoint
from .loop.config import MAX_SEED


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint. Its tensors are memory-mapped.

    Raises:
        CheckpointError: If the file is damaged or not a training checkpoint.

    """
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise WrongCheckpoint(f"{path} is not a checkpoint of a training: give one that `train` wrote.")
    with document_errors(
        f"{path} has unusable settings", "resume from an earlier checkpoint", WrongCheckpoint
    ):
        state = parse_json(metadata["state"])
        config = parse_config(parse_json(metadata["config"]))
        clips = metadata.get("trained_on")
        trained_on = None if clips is None else TrainingSpec.from_dict(parse_json(clips))
        position, scaler = _position(state), dict(state["scaler"])
    return Checkpoint(config, position, open_tensors(path, weights=False), trained_on, scaler)


def _position(state: Mapping[str, Any]) -> Position:
    for name in ("step", "samples"):
        require_int(name, state[name], least=0, most=MAX_SEED)
    return Position(state["step"], state["samples"])
