"""Denoiser files: the official checkpoint, and the bundle that `convert` makes of it.

A bundle is one safetensors file with the weights under `denoiser.`, the text encoder's output for "" as
`text_context`, and the configuration and training specification in its metadata. With it neither the 7 GB
pickle nor the text encoder is needed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.safe_load import open_tensors, read_metadata
from ..checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ..checkpoints.validation import (
    cast_finite,
    check_dense_floats,
    check_keys,
    check_precision,
    load_strictly,
    shapes,
)
from ..checkpoints.wrappers import strip_weights_prefix
from ..errors import InvalidInput, WrongCheckpoint
from ..utils.documents import parse_json
from ..utils.text import first_sentence
from .checkpoint_keys import POSITION_TABLE, from_official, official_keys
from .config import DenoiserConfig
from .layers import UNINITIALISED
from .training_spec import RELEASED, TrainingSpec
from .unet import AnimateXUNet

FORMAT = "animatex-denoiser"
PREFIX = "denoiser."
TEXT_CONTEXT = "text_context"
AGAIN = "convert the official checkpoint again"
# What building a network of an invalid configuration may raise.
CONFIG_ERRORS = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
)


@dataclass(frozen=True)
class DenoiserFile:
    """The contents of a file, memory-mapped.

    Args:
        config: Sizes of the denoiser.
        tensors: Weights under our keys.
        text_context: (1, tokens, context_dim); None in an official checkpoint, which needs the text encoder.
        trained_on: Training specification; that of the official model where the file has none.

    """

    config: DenoiserConfig
    tensors: dict[str, Tensor]
    text_context: Tensor | None
    trained_on: TrainingSpec = RELEASED


@dataclass(frozen=True)
class LoadedDenoiser:
    """A denoiser ready for inference, with text context (or None) and training specification."""

    unet: AnimateXUNet
    text_context: Tensor | None
    trained_on: TrainingSpec = RELEASED


def read_denoiser(path: str | Path, config: DenoiserConfig | None = None) -> DenoiserFile:
    """Open a bundle or an official checkpoint (pickle or safetensors) and check its keys and shapes.

    Args:
        path: The file.
        config: Sizes of a checkpoint with official keys; None for the official ones. A bundle has its own.

    Returns:
        The contents of the file.

    Raises:
        CheckpointError: The file is damaged, unsafe or of another model.

    """
    metadata = read_metadata(path)
    if metadata.get("format") == FORMAT:
        return _read_bundle(path, metadata)
    config = config or DenoiserConfig.released()
    return DenoiserFile(config, from_official(read_official(path, config)), None)


def read_training(path: str | Path) -> tuple[DenoiserConfig, TrainingSpec]:
    """Return the sizes of the denoiser in a file and its training specification, from its header alone.

    These are those of the official model if the file states none.

    Raises:
        CheckpointError: The file or its configuration is damaged.

    """
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT:
        return DenoiserConfig.released(), RELEASED
    config, _, trained_on = _configuration(path, metadata)
    return config, trained_on


def load_denoiser(
    path: str | Path,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    operations: Any = UNINITIALISED,
    config: DenoiserConfig | None = None,
) -> LoadedDenoiser:
    """Build the denoiser of a file for inference.

    Args:
        path: The file.
        dtype: Type of the weights; None keeps that of the file.
        device: Where the weights are.
        operations: Namespace of layer classes, as in `AnimateXUNet`.
        config: As in `read_denoiser`.

    Returns:
        The denoiser, in eval mode.

    Raises:
        CheckpointError: As in `read_denoiser`.

    """
    file = read_denoiser(path, config)
    dtype = dtype or next(iter(file.tensors.values())).dtype
    unet = AnimateXUNet(file.config, operations, device="meta")
    expected = denoiser_shapes(file.config)
    load_strictly(unet, file.tensors, "the denoiser", str(path), dtype, device, expected)
    context = None if file.text_context is None else file.text_context.to(device, dtype)
    return LoadedDenoiser(unet, context, file.trained_on)


def write_denoiser(target: str | Path, file: DenoiserFile, dtype: torch.dtype = torch.float16) -> None:
    """Write a denoiser in memory as a bundle.

    Args:
        target: File to write.
        file: Its contents, with a text context.
        dtype: Type of the weights in the file.

    Raises:
        InvalidInput: The dtype is unsupported, or the text context has another shape.
        WrongCheckpoint: A value does not fit into `dtype`.
        StorageError: The file cannot be written.

    """
    check_precision(dtype)
    assert file.text_context is not None
    check_text_context(file.text_context, file.config)
    tensors = {TEXT_CONTEXT: file.text_context} | {PREFIX + name: x for name, x in file.tensors.items()}
    layout = {name: (shape, dtype) for name, (shape, _) in tensor_layout(tensors).items()}
    narrow = ((name, cast_finite(name, tensor, dtype, "The denoiser")) for name, tensor in tensors.items())
    write_safetensors(target, layout, narrow, bundle_metadata(file.config, file.trained_on))


def read_official(source: str | Path, config: DenoiserConfig) -> dict[str, Tensor]:
    """Return the tensors of an official checkpoint; raises WrongCheckpoint unless they fit `config`."""
    expected = without_position_tables(official_keys(AnimateXUNet(config, UNINITIALISED, device="meta")))
    tensors = strip_weights_prefix(open_tensors(source), expected, source)
    check_keys(expected, without_position_tables(shapes(tensors)), "the Animate-X denoiser", str(source))
    check_dense_floats(tensors, source)
    return tensors


def without_position_tables(shapes_by_key: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Remove the position tables, which a checkpoint may lack."""
    return {key: shape for key, shape in shapes_by_key.items() if not key.endswith(POSITION_TABLE)}


def _read_bundle(path: str | Path, metadata: dict[str, str]) -> DenoiserFile:
    config, expected, trained_on = _configuration(path, metadata)
    tensors = open_tensors(path)
    if TEXT_CONTEXT not in tensors:
        raise WrongCheckpoint(f"{path} lacks {TEXT_CONTEXT}: {AGAIN}.")
    check_dense_floats(tensors, path)
    context = tensors.pop(TEXT_CONTEXT)
    if tuple(context.shape) != context_shape(config) or not context.float().isfinite().all():
        raise WrongCheckpoint(f"{path} has a damaged {TEXT_CONTEXT} of {tuple(context.shape)}: {AGAIN}.")
    weights = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items()}
    check_keys(expected, shapes(weights), "the denoiser of its own configuration", str(path))
    return DenoiserFile(config, weights, context, trained_on)


def bundle_metadata(config: DenoiserConfig, trained_on: TrainingSpec) -> dict[str, str]:
    """Return the metadata of a bundle."""
    return {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        "trained_on": json.dumps(trained_on.to_dict()),
    }


def _configuration(
    path: str | Path, metadata: dict[str, str]
) -> tuple[DenoiserConfig, dict[str, tuple[int, ...]], TrainingSpec]:
    """Return configuration, keys and shapes, and training specification of a bundle."""
    try:
        config = DenoiserConfig.from_dict(parse_json(metadata["config"]))
        trained_on = TrainingSpec.from_dict(parse_json(metadata.get("trained_on", "{}")))
        return config, denoiser_shapes(config), trained_on
    except CONFIG_ERRORS as error:
        raise WrongCheckpoint(
            f"{path} has an unusable configuration ({first_sentence(error)}): {AGAIN}."
        ) from error


def denoiser_shapes(config: DenoiserConfig) -> dict[str, tuple[int, ...]]:
    """Return the keys (ours) and shapes of the network of a configuration."""
    return dict(_shapes_of(config))


@lru_cache(maxsize=4)  # building the network takes longer than all else that is checked of a file
def _shapes_of(config: DenoiserConfig) -> dict[str, tuple[int, ...]]:
    return shapes(AnimateXUNet(config, UNINITIALISED, device="meta").state_dict())


def context_shape(config: DenoiserConfig) -> tuple[int, int, int]:
    """Return the shape of the text context, (1, tokens, context_dim)."""
    return 1, config.text_tokens, config.context_dim


def check_text_context(context: Tensor, config: DenoiserConfig) -> None:
    """Raise InvalidInput unless a text context is finite and of the shape of a configuration."""
    expected = context_shape(config)
    if tuple(context.shape) != expected:
        raise InvalidInput(
            f"The text context is {tuple(context.shape)}, but the denoiser needs {expected}: encode it with "
            "the text encoder of OpenCLIP ViT-H-14."
        )
    check_dense_floats({TEXT_CONTEXT: context}, "The text encoder's output")
