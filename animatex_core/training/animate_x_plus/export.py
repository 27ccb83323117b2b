"""Exports a training checkpoint with the keys of the official Animate-X++ checkpoint."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...animate_x.checkpoint_keys import POSITION_TABLE, official_keys, to_official
from ...animate_x.layers import UNINITIALISED, position_table
from ...animate_x_plus.config import PlusConfig
from ...animate_x_plus.lora import RELEASED_PREFIX
from ...animate_x_plus.modules import PlusModules
from ...animate_x_plus.wan.keys import diffusers_name, wan_shapes
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import cast_finite
from ..loop.checkpoint import AVERAGE, Checkpoint
from .config import PlusTrainingConfig
from .trainable_parts import WAN

_ADDED, _LORA = "added.", "lora."
_FACTORS = {".down": ".lora_A.default.weight", ".up": ".lora_B.default.weight"}


def export_plus(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights with the official keys: the modules in float32, the LoRA in `dtype`.

    `animatex convert` reads the file, and it has every key that the official script loads. If the transformer
    itself was trained, it is written to `wan_beside(target)`, in `dtype` with its official keys.

    Args:
        checkpoint: A checkpoint of an Animate-X++ training.
        target: The safetensors file to write.
        dtype: Data type of the LoRA and of the transformer.

    Raises:
        WrongCheckpoint: If a weight is not finite.
        StorageError: If a file cannot be written.

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
        _write(transformer_path(target), wan, dict.fromkeys(wan, dtype))


def transformer_path(target: str | Path) -> Path:
    """Return the path of the transformer next to an exported file: x.transformer.safetensors."""
    return Path(target).with_suffix(f".{WAN}.safetensors")


def _write(target: str | Path, tensors: Mapping[str, Tensor], types: Mapping[str, torch.dtype]) -> None:
    layout = {name: (shape, types[name]) for name, (shape, _) in tensor_layout(tensors).items()}

    def cast() -> Iterator[tuple[str, Tensor]]:
        for name, tensor in tensors.items():
            yield name, cast_finite(name, tensor, types[name], "The checkpoint")

    write_safetensors(target, layout, cast(), {})


def released_tensors(weights: Mapping[str, Tensor], config: PlusConfig) -> dict[str, Tensor]:
    """Return the parameters of a `PlusNetwork` with the official keys, including position tables."""
    added = {name.removeprefix(_ADDED): value for name, value in weights.items() if name.startswith(_ADDED)}
    modules = to_official(added)
    on_meta = PlusModules(config, UNINITIALISED, device="meta")
    for name, shape in official_keys(on_meta, config.position_rows).items():
        if name.endswith(POSITION_TABLE):
            modules[name] = position_table(shape[1], shape[2]).unsqueeze(0)
    return modules | dict(_lora(weights))


def _lora(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in weights.items():
        for factor, released in _FACTORS.items():
            if name.startswith(_LORA) and name.endswith(factor):
                yield RELEASED_PREFIX + name[len(_LORA) : -len(factor)] + released, value
