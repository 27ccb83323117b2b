"""The trained parameters of Animate-X++, and the frozen transformer."""

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
from ..loop.optimizer import checkpoint_module
from .config import PlusTrainingConfig
from .lora import LoraLayers

COMPUTE_DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class PlusNetwork(nn.Module):
    """The trained parameters in float32.

    Attributes:
        added: The added modules.
        lora: The LoRA layers.
        transformer: Wan's transformer if it is trained, else None.

    """

    def __init__(self, config: PlusTrainingConfig) -> None:
        super().__init__()
        self.added = PlusModules(config.modules)
        self.lora = LoraLayers(config.wan, config.lora)
        self.transformer = build_wan(config.wan) if config.trains.whole else None


def start_network(config: PlusTrainingConfig, *, resumed: bool) -> PlusNetwork:
    """Build the trained network in training mode, from `initial_weights` or at random from the seed.

    Args:
        config: The training configuration.
        resumed: Whether a checkpoint is loaded afterwards, so that no weight files are read.

    Returns:
        The network on the CPU.

    Raises:
        CheckpointError: If a file cannot be used or has other sizes.

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
        _load_checkpoint(network, config, config.initial_weights)
    return network.train()


@torch.no_grad()
def initialise(added: PlusModules) -> None:
    """Zero-initialise the last layer of every module, so the first step sees the output of plain Wan.

    This is our choice; UniAnimate-DiT keeps the default initialisation of torch. The other convolutions
    preserve the variance of their input (He et al. 2015), so that thin lines of a drawn pose are not lost.
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


def _load_checkpoint(network: PlusNetwork, config: PlusTrainingConfig, path: str) -> None:
    file = read_plus(path, config.modules, config.wan)
    expected = shapes(network.added.state_dict())
    check_keys(expected, shapes(file.modules), "modules of the configuration", path)
    layers = {name: network.lora.layer(name) for name in network.lora.names}
    check_keys(
        {name: (*layer.down.shape, *layer.up.shape) for name, layer in layers.items()},
        {name: (*pair.down.shape, *pair.up.shape) for name, pair in file.lora.items()},
        "lora.rank and lora.targets of the configuration",
        path,
    )
    network.added.load_state_dict(file.modules)
    network.lora.load(file.lora)


def frozen_transformer(config: PlusTrainingConfig, device: torch.device) -> nn.Module:
    """Return Wan's transformer without gradients, in the data type of `mixed_precision`.

    Args:
        config: The training configuration.
        device: Device of the transformer.

    Returns:
        The diffusers transformer.

    Raises:
        CheckpointError: If the weights are not those of a Wan of these sizes.

    """
    dtype, path = COMPUTE_DTYPES[config.mixed_precision], config.transformer or "the generated Wan"
    return load_wan(_wan_weights(config), config.wan, path, dtype, device)


def _wan_weights(config: PlusTrainingConfig) -> Mapping[str, Tensor]:
    return random_wan_weights(config) if config.transformer is None else wan_tensors(Path(config.transformer))


def random_wan_weights(config: PlusTrainingConfig) -> Mapping[str, Tensor]:
    """Return random weights of a transformer, which depend only on the seed."""
    seed_torch(config.seed, Stream.TRANSFORMER)
    return dict(build_wan(config.wan).state_dict())


def checkpoint_blocks(transformer: Any) -> None:
    """Enable gradient checkpointing of the transformer's blocks.

    Conditions are injected outside the checkpointed function: the hooks are gone in the backward pass.
    """
    for block in transformer.blocks:
        checkpoint_module(block)


def wan_tensors(path: Path) -> Mapping[str, Tensor]:
    """Memory-map Wan's weights from a file, or from all safetensors files in a folder.

    Raises:
        InvalidInput: If the folder holds no safetensors file.
        CheckpointError: If a file cannot be read.

    """
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(
            f"transformer is {str(path)!r}, but that folder holds no safetensors file: give another one."
        )
    return {name: tensor for file in files for name, tensor in open_tensors(file).items()}
