"""Files of Animate-X++: the two released checkpoints, and what `convert` makes of either.

A converted file is one safetensors with the added modules in float32 under `modules.` and our names,
the LoRA in bfloat16 under the names that ComfyUI's LoRA loader knows, and the configuration in its metadata.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..animate_x.checkpoint_keys import POSITION_TABLE, from_released, released_keys
from ..animate_x.layers import UNINITIALISED
from ..checkpoints.safe_load import open_tensors, read_metadata
from ..checkpoints.safetensors_writer import layout_of, write_safetensors
from ..checkpoints.validation import (
    cast_finite,
    check_archive,
    check_keys,
    check_kinds,
    load_strictly,
    shapes,
)
from ..errors import InvalidInput, WrongCheckpoint
from ..hub.models_dir import Variant
from ..utils.documents import parse_json
from ..utils.files import check_target
from ..utils.progress import Progress, no_progress
from ..utils.text import reason_of
from .config import PlusConfig, WanConfig
from .lora import HOST_PREFIX, Lora, check_targets, host_lora, read_lora
from .modules import PlusModules
from .wan.keys import wan_shapes

FORMAT = "animatex-plus"
PREFIX = "modules."
# In the order in which the release looks for them; what stands before a name does not matter.
MODULES = ("dwpose_embedding", "randomref_embedding_pose", "pose_embedding_before", "pose_embedding_after")
_FULL_ALONE = MODULES[2:]
_UNUSABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True)
class PlusFile:
    """What a file holds, memory-mapped: configuration, module weights under our names, the LoRA."""

    config: PlusConfig
    modules: dict[str, Tensor]
    lora: Lora


@dataclass(frozen=True)
class LoadedPlus:
    """The added modules ready for inference, and the LoRA for whoever has the transformer."""

    networks: PlusModules
    lora: Lora


def read_plus(path: str | Path, config: PlusConfig | None = None, wan: WanConfig | None = None) -> PlusFile:
    """Open a converted file or a released checkpoint (pickle or safetensors), and check keys and shapes.

    The variant is told from the keys. config: sizes of a checkpoint in the released form, None for those of
    the release; a converted file knows its own. wan: the transformer that the LoRA must fit, None where the
    caller checks that with `check_targets`.
    Raises CheckpointError and its kinds for files that are damaged, unsafe or of another model.
    """
    metadata = read_metadata(path)
    tensors = open_tensors(path)
    check_kinds(tensors, path)
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
    """Build the added modules of a file for inference, in eval mode; the release computes them in float32.

    operations: the namespace of layer classes. config, wan, errors: as for `read_plus`.
    """
    return build_plus(read_plus(path, config, wan), str(path), dtype, device, operations)


def build_plus(
    file: PlusFile,
    source: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    operations: Any = UNINITIALISED,
) -> LoadedPlus:
    """Build the added modules of what a file holds; source is the file in words, the rest as `load_plus`."""
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
    """Write a released checkpoint as one safetensors file, a tensor at a time; return its variant.

    wan: the transformer that the LoRA must fit, None is that of the release. on_progress: called with the
    bytes that are written and those there are. An existing target stays until the new one is whole.
    Raises as `read_plus`, WrongCheckpoint for values that are not finite, StorageError for the target.
    """
    if read_metadata(source).get("format") == FORMAT:
        raise InvalidInput(f"{source} is converted already: name the released checkpoint.")
    if Path(source).resolve() == Path(target).resolve():
        raise InvalidInput(f"{source} is also the file to write: choose another name for the new one.")
    check_target(target)
    file = read_plus(source, config, wan or WanConfig.released())
    check_archive(source)
    write_plus(target, file, on_progress)
    return file.config.variant


def write_plus(target: str | Path, file: PlusFile, on_progress: Progress = no_progress) -> None:
    """Write what is in memory, modules in float32 and LoRA in bfloat16.

    Raises WrongCheckpoint for values that are not finite and StorageError where the file cannot be written.
    """
    modules = {PREFIX + name: tensor for name, tensor in file.modules.items()}
    lora = host_lora(file.lora)
    types = dict.fromkeys(modules, torch.float32) | dict.fromkeys(lora, torch.bfloat16)
    tensors = modules | lora
    layout = {name: (shape, types[name]) for name, (shape, _) in layout_of(tensors).items()}
    total = sum(tensor.numel() * types[name].itemsize for name, tensor in tensors.items())

    def written() -> Iterator[tuple[str, Tensor]]:
        done = 0
        for name, tensor in tensors.items():
            narrow = cast_finite(name, tensor, types[name], "The checkpoint")
            yield name, narrow
            done += narrow.nbytes
            on_progress(done, total)

    metadata = {"format": FORMAT, "config": json.dumps(file.config.to_dict())}
    write_safetensors(target, layout, written(), metadata)


def is_plus(path: str | Path) -> bool:
    """Whether a weights file is one of Animate-X++, released or converted; raises CheckpointError."""
    return any(f"{MODULES[1]}." in key for key in open_tensors(path))


def module_shapes(config: PlusConfig) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of the added modules of a configuration, under our names."""
    return shapes(PlusModules(config, UNINITIALISED, device="meta").state_dict())


def _released(path: str | Path, tensors: Mapping[str, Tensor], config: PlusConfig | None) -> PlusFile:
    lora = {key: tensor for key, tensor in tensors.items() if "lora" in key}
    modules = {_module_key(key): tensor for key, tensor in tensors.items() if key not in lora}
    if len(modules) + len(lora) != len(tensors):
        raise WrongCheckpoint(
            f"{path} holds a module of Animate-X++ twice, under different prefixes: keep the one to be used."
        )
    full = any(key.startswith(_FULL_ALONE) for key in modules)
    config = config or PlusConfig.released("full" if full else "simple")
    expected = released_keys(PlusModules(config, UNINITIALISED, device="meta"), config.position_rows)
    _check(expected, shapes(modules), config.variant, path)
    return PlusFile(config, from_released(modules), read_lora(lora, str(path)))


def _converted(path: str | Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> PlusFile:
    try:
        config = PlusConfig.from_dict(parse_json(metadata["config"]))
        expected = module_shapes(config)
    except _UNUSABLE as error:
        raise WrongCheckpoint(
            f"{path} has an unusable configuration ({reason_of(error)}): convert the released checkpoint "
            "again."
        ) from error
    lora = {key: tensor for key, tensor in tensors.items() if key.startswith(HOST_PREFIX)}
    modules = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items() if key not in lora}
    _check(expected, shapes(modules), config.variant, path)
    return PlusFile(config, modules, read_lora(lora, str(path)))


def _check(
    expected: dict[str, tuple[int, ...]],
    found: dict[str, tuple[int, ...]],
    variant: Variant,
    path: str | Path,
) -> None:
    # The release is strict about the position table; a saver of parameters alone leaves it out.
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
