"""What learns in a training of Animate-X++, and the transformer that does not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...animate_x_plus.checkpoint import read_plus
from ...animate_x_plus.modules import PlusModules
from ...animate_x_plus.wan.keys import to_diffusers, without_prefix
from ...animate_x_plus.wan.transformer import build_wan, load_wan
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import check_keys, shapes
from ...errors import InvalidInput
from ..loop.batch_schedule import Stream, seed_torch
from ..loop.gradient_checkpointing import recompute
from .config import PlusTrainingConfig
from .lora import LoraLayers

COMPUTED_IN = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class PlusNetwork(nn.Module):
    """The parameters that learn, in float32: the added modules and the LoRA layers.

    transformer: Wan's, where it learns, too.
    """

    def __init__(self, config: PlusTrainingConfig) -> None:
        super().__init__()
        self.added = PlusModules(config.modules)
        self.lora = LoraLayers(config.wan, config.lora)
        self.transformer = build_wan(config.wan) if config.trains.whole else None


def start_network(config: PlusTrainingConfig, *, resumed: bool) -> PlusNetwork:
    """Build what learns: of the initial weights, else at random by the seed; in training mode.

    Raises CheckpointError and its kinds for a file that cannot be used or has other sizes.
    """
    seed_torch(config.seed, Stream.WEIGHTS)
    network = PlusNetwork(config)
    initialise(network.added)
    if network.transformer is not None and not resumed:
        weights = to_diffusers(without_prefix(_wan_weights(config)))
        source = config.transformer or "the generated Wan"
        check_keys(shapes(network.transformer.state_dict()), shapes(weights), "the Wan transformer", source)
        network.transformer.load_state_dict(weights)
    if config.initial_weights is not None and not resumed:
        _load(network, config, config.initial_weights)
    return network.train()


@torch.no_grad()
def initialise(added: PlusModules) -> None:
    """Let every module begin by saying nothing, so that the first step asks the transformer as it is.

    Ours; UniAnimate-DiT begins with torch's own values. The convolutions before the last one keep the
    variance of what they read (He et al. 2015), so that thin lines of a pose on black come through.
    """
    for module in added.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for last in _last_layers(added):
        for parameter in last.parameters():
            nn.init.zeros_(parameter)


def _last_layers(added: PlusModules) -> Iterator[nn.Module]:
    yield added.dwpose_embedding[-1]
    yield added.randomref_embedding_pose[-1]
    if added.config.ipi is not None:
        yield added.pose_embedding_after.proj_out2


def _load(network: PlusNetwork, config: PlusTrainingConfig, path: str) -> None:
    file = read_plus(path, config.modules, config.wan)
    expected = shapes(network.added.state_dict())
    check_keys(expected, shapes(file.modules), "modules of the configuration", path)
    check_keys(
        {name: _layer_shape(network.lora, name) for name in network.lora.names},
        {name: (*pair.down.shape, *pair.up.shape) for name, pair in file.lora.items()},
        "lora.rank and lora.targets of the configuration",
        path,
    )
    network.added.load_state_dict(file.modules)
    network.lora.load(file.lora)


def _layer_shape(lora: LoraLayers, name: str) -> tuple[int, ...]:
    layer = lora.layer(name)
    return *layer.down.shape, *layer.up.shape


def frozen_transformer(config: PlusTrainingConfig, device: torch.device) -> nn.Module:
    """Return Wan's transformer, in the type that is computed in, whose parameters do not learn.

    Raises CheckpointError and its kinds for weights that are not Wan's of these sizes.
    """
    dtype, path = COMPUTED_IN[config.mixed_precision], config.transformer or "the generated Wan"
    return load_wan(_wan_weights(config), config.wan, path, dtype, device)


def _wan_weights(config: PlusTrainingConfig) -> Mapping[str, Tensor]:
    return generated_wan(config) if config.transformer is None else wan_tensors(Path(config.transformer))


def generated_wan(config: PlusTrainingConfig) -> Mapping[str, Tensor]:
    """Return weights of a transformer that nobody trained, which follow from the seed."""
    seed_torch(config.seed, Stream.TRANSFORMER)
    return dict(build_wan(config.wan).state_dict())


def recompute_blocks(transformer: Any) -> None:
    """Let the blocks keep their inputs alone for the way back.

    What is told before a block is told outside of what is done again, for the hooks are gone by then.
    """
    for block in transformer.blocks:
        recompute(block)


def wan_tensors(path: Path) -> Mapping[str, Tensor]:
    """Open Wan's weights, memory-mapped, of one file or of all safetensors files in a folder."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(
            f"transformer is {str(path)!r}, but that folder holds no safetensors file: name another."
        )
    return {name: tensor for file in files for name, tensor in open_tensors(file).items()}
