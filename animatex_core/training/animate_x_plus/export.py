"""From a training's checkpoint to a checkpoint in the released form, as a safetensors file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...animate_x.checkpoint_keys import POSITION_TABLE, released_keys, to_released
from ...animate_x.layers import UNINITIALISED, position_table
from ...animate_x_plus.config import PlusConfig
from ...animate_x_plus.lora import RELEASED_PREFIX
from ...animate_x_plus.modules import PlusModules
from ...animate_x_plus.wan.keys import diffusers_name, wan_shapes
from ...checkpoints.safetensors_writer import layout_of, write_safetensors
from ...checkpoints.validation import cast_finite
from ..loop.checkpoint import AVERAGE, Checkpoint
from .config import PlusTrainingConfig
from .trainable_parts import WAN

_ADDED, _LORA = "added.", "lora."
_HALVES = {".down": ".lora_A.default.weight", ".up": ".lora_B.default.weight"}


def export_plus(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights under the released names: the modules in float32, the LoRA in `dtype`.

    This library's `convert` reads it, and it has every name that the released script asks for. Where the
    transformer itself has learnt, it is written to `wan_beside(target)`, in `dtype` under its official names.
    Raises WrongCheckpoint for weights that are not finite, StorageError where it cannot be written.
    """
    config, averages = checkpoint.config, checkpoint.under(AVERAGE)
    assert isinstance(config, PlusTrainingConfig)
    tensors = released_tensors(averages, config.modules)
    _write(
        target,
        tensors,
        {name: dtype if name.startswith(RELEASED_PREFIX) else torch.float32 for name in tensors},
    )
    if config.trains.whole:
        wan = {name: averages[f"{WAN}.{diffusers_name(name)}"] for name in wan_shapes(config.wan)}
        _write(wan_beside(target), wan, dict.fromkeys(wan, dtype))


def wan_beside(target: str | Path) -> Path:
    """Return where the transformer of an exported file is: x.safetensors has x.transformer.safetensors."""
    return Path(target).with_suffix(f".{WAN}.safetensors")


def _write(target: str | Path, tensors: Mapping[str, Tensor], types: Mapping[str, torch.dtype]) -> None:
    layout = {name: (shape, types[name]) for name, (shape, _) in layout_of(tensors).items()}

    def written() -> Iterator[tuple[str, Tensor]]:
        for name, tensor in tensors.items():
            yield name, cast_finite(name, tensor, types[name], "The checkpoint")

    write_safetensors(target, layout, written(), {})


def released_tensors(weights: Mapping[str, Tensor], config: PlusConfig) -> dict[str, Tensor]:
    """Return a `PlusNetwork`'s parameters under the released names, position tables included."""
    added = {name.removeprefix(_ADDED): value for name, value in weights.items() if name.startswith(_ADDED)}
    modules = to_released(added)
    for name, shape in released_keys(_on_meta(config), config.position_rows).items():
        if name.endswith(POSITION_TABLE):
            modules[name] = position_table(shape[1], shape[2]).unsqueeze(0)
    return modules | dict(_lora(weights))


def _lora(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in weights.items():
        for half, released in _HALVES.items():
            if name.startswith(_LORA) and name.endswith(half):
                yield RELEASED_PREFIX + name[len(_LORA) : -len(half)] + released, value


def _on_meta(config: PlusConfig) -> PlusModules:
    return PlusModules(config, UNINITIALISED, device="meta")
