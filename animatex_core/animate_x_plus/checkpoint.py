"""Files of Animate-X++: the two official checkpoints, and the converted form of either.

A converted file is one safetensors file with the added modules in float32 under `modules.` and our keys, the
LoRA in bfloat16 under the keys of ComfyUI's LoRA loader, and the configuration in its metadata.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..animate_x.checkpoint_keys import POSITION_TABLE, from_official, official_keys
from ..animate_x.layers import UNINITIALISED
from ..checkpoints.safe_load import open_tensors, read_metadata
from ..checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ..checkpoints.validation import (
    cast_finite,
    check_archive,
    check_dense_floats,
    check_keys,
    load_strictly,
    shapes,
)
from ..errors import InvalidInput, WrongCheckpoint
from ..hub.models_dir import Variant
from ..utils.documents import parse_json
from ..utils.files import check_target
from ..utils.progress import Progress, no_progress
from ..utils.text import first_sentence
from .config import PlusConfig, WanConfig
from .lora import COMFYUI_PREFIX, Lora, check_targets, read_lora, to_comfyui_keys
from .modules import PlusModules
from .wan.keys import wan_shapes

FORMAT = "animatex-plus"
PREFIX = "modules."
# In the order in which the official code looks for them; any prefix is ignored.
MODULES = ("dwpose_embedding", "randomref_embedding_pose", "pose_embedding_before", "pose_embedding_after")
_FULL_ONLY = MODULES[2:]
_UNUSABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True)
class PlusFile:
    """The contents of a file, memory-mapped: configuration, module weights under our keys, LoRA."""

    config: PlusConfig
    modules: dict[str, Tensor]
    lora: Lora


@dataclass(frozen=True)
class LoadedPlus:
    """The added modules ready for inference, and the LoRA of the transformer."""

    networks: PlusModules
    lora: Lora


def read_plus(path: str | Path, config: PlusConfig | None = None, wan: WanConfig | None = None) -> PlusFile:
    """Open a converted file or an official checkpoint (pickle or safetensors); check keys and shapes.

    Args:
        path: The file. Its keys determine the variant.
        config: Sizes of a checkpoint with official keys; None for the official ones. A converted file has its
            own.
        wan: The transformer that the LoRA must fit; None where the caller checks that with `check_targets`.

    Raises:
        CheckpointError: The file is damaged, unsafe or of another model.

    """
    metadata, tensors = read_metadata(path), open_tensors(path)
    check_dense_floats(tensors, path)
    converted = metadata.get("format") == FORMAT
    file = _converted(path, metadata, tensors) if converted else _released(path, tensors, config)
    if wan is not None:
        check_targets(file.lora, wan_shapes(wan), str(path))
    return file


def load_plus(
    path: str | Path,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    operations: Any = UNINITIALISED,
    config: PlusConfig | None = None,
    wan: WanConfig | None = None,
) -> LoadedPlus:
    """Build the added modules of a file for inference, in eval mode. The official code uses float32.

    Args:
        path: The file.
        dtype: Type of the weights.
        device: Where the weights are.
        operations: Namespace of layer classes, as in `PlusModules`.
        config: As in `read_plus`.
        wan: As in `read_plus`.

    Raises:
        CheckpointError: As in `read_plus`.

    """
    return build_plus(read_plus(path, config, wan), str(path), dtype, device, operations)


def build_plus(
    file: PlusFile,
    source: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    operations: Any = UNINITIALISED,
) -> LoadedPlus:
    """Like `load_plus`, from the contents of a file; `source` names it in error messages."""
    networks = PlusModules(file.config, operations, device="meta")
    expected = module_shapes(file.config)
    load_strictly(networks, file.modules, _what(file.config.variant), source, dtype, device, expected)
    return LoadedPlus(networks, file.lora)


def convert_plus(
    source: str | Path,
    target: str | Path,
    config: PlusConfig | None = None,
    wan: WanConfig | None = None,
    on_progress: Progress = no_progress,
) -> Variant:
    """Convert an official checkpoint to one safetensors file, a tensor at a time; return its variant.

    Args:
        source: The official checkpoint.
        target: File to write. An existing file is replaced only once the new one is complete.
        config: As in `read_plus`.
        wan: The transformer that the LoRA must fit; None is the official one.
        on_progress: Called with the bytes written and their total.

    Raises:
        CheckpointError: As in `read_plus`, or a value is not finite.
        InvalidInput: The source is already converted, or is also the target.
        StorageError: The target cannot be written.

    """
    if read_metadata(source).get("format") == FORMAT:
        raise InvalidInput(f"{source} is already converted: choose the official checkpoint.")
    if Path(source).resolve() == Path(target).resolve():
        raise InvalidInput(f"{source} is also the file to write: choose another name for the new one.")
    check_target(target)
    file = read_plus(source, config, wan or WanConfig.released())
    check_archive(source)
    write_plus(target, file, on_progress)
    return file.config.variant


def write_plus(target: str | Path, file: PlusFile, on_progress: Progress = no_progress) -> None:
    """Write a converted file, modules in float32 and LoRA in bfloat16.

    Args:
        target: The file, which appears under this name only when complete.
        file: Configuration and tensors.
        on_progress: Called with the bytes that are written, and with all.

    Raises:
        WrongCheckpoint: A value is not finite.
        StorageError: The file cannot be written.

    """
    modules, lora = {PREFIX + key: value for key, value in file.modules.items()}, to_comfyui_keys(file.lora)
    types = dict.fromkeys(modules, torch.float32) | dict.fromkeys(lora, torch.bfloat16)
    tensors = modules | lora
    layout = {name: (shape, types[name]) for name, (shape, _) in tensor_layout(tensors).items()}
    total = sum(tensor.numel() * types[name].itemsize for name, tensor in tensors.items())

    def written() -> Iterator[tuple[str, Tensor]]:
        done = 0
        for name, tensor in tensors.items():
            narrow = cast_finite(name, tensor, types[name], "The checkpoint")
            yield name, narrow
            done += narrow.nbytes
            on_progress(done, total)

    config = json.dumps(file.config.to_dict())
    write_safetensors(target, layout, written(), {"format": FORMAT, "config": config})


def is_plus(path: str | Path) -> bool:
    """Return whether a file is of Animate-X++, official or converted; raises CheckpointError."""
    return any(f"{MODULES[1]}." in key for key in open_tensors(path))


def module_shapes(config: PlusConfig) -> dict[str, tuple[int, ...]]:
    """Return the keys (ours) and shapes of the added modules of a configuration."""
    return shapes(PlusModules(config, UNINITIALISED, device="meta").state_dict())


def _released(path: str | Path, tensors: Mapping[str, Tensor], config: PlusConfig | None) -> PlusFile:
    lora = {key: tensor for key, tensor in tensors.items() if "lora" in key}
    modules = {_module_key(key): tensor for key, tensor in tensors.items() if key not in lora}
    if len(modules) + len(lora) != len(tensors):
        raise WrongCheckpoint(
            f"{path} contains a module of Animate-X++ twice, under different prefixes: keep one of them."
        )
    full = any(key.startswith(_FULL_ONLY) for key in modules)
    config = config or PlusConfig.released("full" if full else "simple")
    expected = official_keys(PlusModules(config, UNINITIALISED, device="meta"), config.position_rows)
    _check(expected, shapes(modules), config.variant, path)
    return PlusFile(config, from_official(modules), read_lora(lora, str(path)))


def _converted(path: str | Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> PlusFile:
    try:
        config = PlusConfig.from_dict(parse_json(metadata["config"]))
        expected = module_shapes(config)
    except _UNUSABLE as error:
        raise WrongCheckpoint(
            f"{path} has an unusable configuration ({first_sentence(error)}): convert the official "
            "checkpoint again."
        ) from error
    lora = {key: tensor for key, tensor in tensors.items() if key.startswith(COMFYUI_PREFIX)}
    modules = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items() if key not in lora}
    _check(expected, shapes(modules), config.variant, path)
    return PlusFile(config, modules, read_lora(lora, str(path)))


def _check(
    expected: dict[str, tuple[int, ...]],
    found: dict[str, tuple[int, ...]],
    variant: Variant,
    path: str | Path,
) -> None:
    # The official code requires the position table, but a file of parameters only lacks it.
    for keys in (expected, found):
        for key in [key for key in keys if key.endswith(POSITION_TABLE)]:
            del keys[key]
    check_keys(expected, found, _what(variant), str(path))


def _module_key(key: str) -> str:
    for module in MODULES:
        _, found, rest = key.partition(f"{module}.")
        if found:
            return f"{module}.{rest}"
    return key


def _what(variant: Variant) -> str:
    return f"the modules of Animate-X++ ({variant})"
