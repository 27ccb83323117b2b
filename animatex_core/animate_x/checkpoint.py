"""Denoiser files: the released checkpoint, and the bundle that `convert` makes of it.

A bundle is one safetensors file with the weights under `denoiser.`, the text encoder's answer to "" as
`text_context`, and in its metadata the configuration and what it was trained on, so that neither the 7 GB
pickle nor the text tower is needed again.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.safe_load import open_tensors, read_metadata, tensor_groups
from ..checkpoints.safetensors_writer import layout_of, write_safetensors
from ..checkpoints.validation import (
    cast_finite,
    check_archive,
    check_keys,
    check_kinds,
    check_precision,
    load_strictly,
    shapes,
)
from ..checkpoints.wrappers import weights_prefix, without_wrapper
from ..errors import InvalidInput, WrongCheckpoint
from ..utils.documents import parse_json
from ..utils.files import check_target
from ..utils.progress import Progress, no_progress
from ..utils.text import reason_of
from .checkpoint_keys import POSITION_TABLE, from_released, released_keys
from .config import DenoiserConfig
from .layers import UNINITIALISED
from .training_spec import RELEASED, TrainingSpec
from .unet import AnimateXUNet

FORMAT = "animatex-denoiser"
PREFIX = "denoiser."
TEXT_CONTEXT = "text_context"
AGAIN = "convert the released checkpoint again"
_GROUP_BYTES = 2**28
# What a configuration of odd values makes the network's parts raise.
UNUSABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, AssertionError)


@dataclass(frozen=True)
class DenoiserFile:
    """What a file holds, memory-mapped: the configuration, the weights under our names, the text context.

    text_context: (1, tokens, context_dim); None in a released checkpoint, which leaves it to the text tower.
    trained_on: what the release was, where the file does not say.
    """

    config: DenoiserConfig
    tensors: dict[str, Tensor]
    text_context: Tensor | None
    trained_on: TrainingSpec = RELEASED


@dataclass(frozen=True)
class LoadedDenoiser:
    """A denoiser ready for inference, the text context where its file holds one, what it was trained on."""

    unet: AnimateXUNet
    text_context: Tensor | None
    trained_on: TrainingSpec = RELEASED


def read_denoiser(path: str | Path, config: DenoiserConfig | None = None) -> DenoiserFile:
    """Open a bundle or a released checkpoint (pickle or safetensors) and check its keys and shapes.

    config: sizes of a checkpoint in the released form, None for those of the release; a bundle knows its own.
    Raises CheckpointError and its kinds for files that are damaged, unsafe or of another model.
    """
    metadata = read_metadata(path)
    if metadata.get("format") == FORMAT:
        return _read_bundle(path, metadata)
    config = config or DenoiserConfig.released()
    return DenoiserFile(config, from_released(_read_released(path, config)), None)


def load_denoiser(
    path: str | Path,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    operations: Any = UNINITIALISED,
    config: DenoiserConfig | None = None,
) -> LoadedDenoiser:
    """Build the denoiser of a file for inference.

    dtype: None keeps the file's own. operations: the namespace of layer classes. config, errors: as for
    `read_denoiser`.
    """
    file = read_denoiser(path, config)
    dtype = dtype or next(iter(file.tensors.values())).dtype
    unet = AnimateXUNet(file.config, operations, device="meta")
    expected = denoiser_shapes(file.config)
    load_strictly(unet, file.tensors, "the denoiser", str(path), dtype, device, expected)
    context = None if file.text_context is None else file.text_context.to(device, dtype)
    return LoadedDenoiser(unet, context, file.trained_on)


def write_denoiser(target: str | Path, file: DenoiserFile, dtype: torch.dtype = torch.float16) -> None:
    """Write a bundle of what is in memory.

    Raises InvalidInput for another precision and a text context of another shape, WrongCheckpoint for values
    that `dtype` cannot hold, and StorageError where the file cannot be written.
    """
    check_precision(dtype)
    assert file.text_context is not None
    _check_context(file.text_context, file.config)
    tensors = {TEXT_CONTEXT: file.text_context} | {PREFIX + name: x for name, x in file.tensors.items()}
    layout = {name: (shape, dtype) for name, (shape, _) in layout_of(tensors).items()}
    narrow = ((name, cast_finite(name, tensor, dtype, "The denoiser")) for name, tensor in tensors.items())
    write_safetensors(target, layout, narrow, _metadata(file.config, file.trained_on))


def convert_denoiser(
    source: str | Path,
    target: str | Path,
    text_context: Tensor,
    dtype: torch.dtype = torch.float16,
    config: DenoiserConfig | None = None,
    on_progress: Progress = no_progress,
) -> None:
    """Write the bundle of a released checkpoint; no more than a quarter GiB of it is in memory at once.

    text_context: (1, tokens, context_dim). config: None is that of the release. on_progress: called with
    the bytes that are written and those there are. An existing target stays as
    it was until the new one is whole. Raises as `read_denoiser`, WrongCheckpoint for values that `dtype`
    cannot hold, and StorageError where the target cannot be written.
    """
    config = config or DenoiserConfig.released()
    check_precision(dtype)
    check_conversion(source, target, config)
    _check_context(text_context, config)
    check_archive(source)
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype)
    prefix = weights_prefix(open_tensors(source), _without_tables(released_keys(unet)), source)
    context = cast_finite(TEXT_CONTEXT, text_context, dtype, "The text encoder's answer")
    layout = {TEXT_CONTEXT: (tuple(context.shape), dtype)}
    layout |= {PREFIX + name: entry for name, entry in layout_of(unet.state_dict()).items()}
    metadata = _metadata(config, RELEASED)

    def tensors() -> Iterator[tuple[str, Tensor]]:
        yield TEXT_CONTEXT, context
        for group in tensor_groups(source, _GROUP_BYTES, prefix):
            for name, tensor in from_released(group).items():
                yield PREFIX + name, cast_finite(name, tensor, dtype, source)

    total = sum(math.prod(shape) * dtype.itemsize for shape, _ in layout.values())
    write_safetensors(target, layout, _reported(tensors(), total, on_progress), metadata)


def check_conversion(source: str | Path, target: str | Path, config: DenoiserConfig | None = None) -> None:
    """Raise what `convert_denoiser` would for its source, by keys and shapes, and its target."""
    if read_metadata(source).get("format") == FORMAT:
        raise InvalidInput(f"{source} is a converted bundle already: name the released checkpoint.")
    if Path(source).resolve() == Path(target).resolve():
        raise InvalidInput(f"{source} is also the file to write: choose another name for the bundle.")
    check_target(target)
    _read_released(source, config or DenoiserConfig.released())


def _read_released(source: str | Path, config: DenoiserConfig) -> dict[str, Tensor]:
    """Return the tensors of a released checkpoint; raises WrongCheckpoint unless they fit `config`."""
    expected = _without_tables(released_keys(AnimateXUNet(config, UNINITIALISED, device="meta")))
    tensors = without_wrapper(open_tensors(source), expected, source)
    check_keys(expected, _without_tables(shapes(tensors)), "the Animate-X denoiser", str(source))
    check_kinds(tensors, source)
    return tensors


def _without_tables(shapes_by_key: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Leave out the position tables, which a checkpoint may lack."""
    return {key: shape for key, shape in shapes_by_key.items() if not key.endswith(POSITION_TABLE)}


def _read_bundle(path: str | Path, metadata: dict[str, str]) -> DenoiserFile:
    config, expected, trained_on = _configuration(path, metadata)
    tensors = open_tensors(path)
    if TEXT_CONTEXT not in tensors:
        raise WrongCheckpoint(f"{path} lacks {TEXT_CONTEXT}: {AGAIN}.")
    check_kinds(tensors, path)
    context = tensors.pop(TEXT_CONTEXT)
    if tuple(context.shape) != context_shape(config) or not context.float().isfinite().all():
        raise WrongCheckpoint(f"{path} has a damaged {TEXT_CONTEXT} of {tuple(context.shape)}: {AGAIN}.")
    weights = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items()}
    check_keys(expected, shapes(weights), "the denoiser of its own configuration", str(path))
    return DenoiserFile(config, weights, context, trained_on)


def _metadata(config: DenoiserConfig, trained_on: TrainingSpec) -> dict[str, str]:
    return {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        "trained_on": json.dumps(trained_on.to_dict()),
    }


def _configuration(
    path: str | Path, metadata: dict[str, str]
) -> tuple[DenoiserConfig, dict[str, tuple[int, ...]], TrainingSpec]:
    """Return the configuration of a bundle, the keys and shapes of its network, what it was trained on."""
    try:
        config = DenoiserConfig.from_dict(parse_json(metadata["config"]))
        trained_on = TrainingSpec.from_dict(parse_json(metadata.get("trained_on", "{}")))
        return config, denoiser_shapes(config), trained_on
    except UNUSABLE as error:
        raise WrongCheckpoint(
            f"{path} has an unusable configuration ({reason_of(error)}): {AGAIN}."
        ) from error


def denoiser_shapes(config: DenoiserConfig) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of the network of a configuration, under our names."""
    return shapes(AnimateXUNet(config, UNINITIALISED, device="meta").state_dict())


def context_shape(config: DenoiserConfig) -> tuple[int, int, int]:
    """Return the shape of the text context, (1, tokens, context_dim)."""
    return 1, config.text_tokens, config.context_dim


def _reported(
    tensors: Iterator[tuple[str, Tensor]], total: int, on_progress: Progress
) -> Iterator[tuple[str, Tensor]]:
    done = 0
    for name, tensor in tensors:
        yield name, tensor
        done += tensor.nbytes
        on_progress(done, total)


def _check_context(context: Tensor, config: DenoiserConfig) -> None:
    expected = context_shape(config)
    if tuple(context.shape) != expected:
        raise InvalidInput(
            f"The text context is {tuple(context.shape)}, but the denoiser needs {expected}: make it with "
            "the text tower of OpenCLIP ViT-H-14."
        )
    check_kinds({TEXT_CONTEXT: context}, "The text encoder's answer")
