"""Trainable LoRA layers on a frozen transformer."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...animate_x_plus.config import WanConfig
from ...animate_x_plus.lora import Lora
from ...animate_x_plus.wan.keys import diffusers_name, wan_shapes
from .config import LoraConfig


class LoraLayer(nn.Module):
    """Adds up @ down to a linear layer (Hu et al. 2021). `up` is zero-initialised.

    The scale is 1 for every rank, as in the official code.

    Attributes:
        down: (rank, inputs).
        up: (outputs, rank).

    """

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        return F.linear(F.linear(x, self.down.to(x.dtype)), self.up.to(x.dtype))


class LoraLayers(nn.Module):
    """A LoRA layer for each target in each block, named like Wan's official layers."""

    def __init__(self, wan: WanConfig, config: LoraConfig) -> None:
        super().__init__()
        self.names = tuple(
            f"blocks.{index}.{target}" for index in range(wan.blocks) for target in config.targets
        )
        sizes = wan_shapes(wan)
        for name in self.names:
            outputs, inputs = sizes[f"{name}.weight"]
            _add_module(self, name, LoraLayer(outputs, inputs, config.rank))

    def layer(self, name: str) -> LoraLayer:
        """Return the layer with a name from `names`."""
        layer = self.get_submodule(name)
        assert isinstance(layer, LoraLayer)
        return layer

    def attach(self, transformer: nn.Module) -> None:
        """Register hooks that add the layers' outputs to those of the diffusers transformer."""
        for name in self.names:
            target = transformer.get_submodule(diffusers_name(f"{name}.weight").removesuffix(".weight"))
            target.register_forward_hook(_LoraHook(self.layer(name)))

    @torch.no_grad()
    def load(self, pairs: Lora) -> None:
        """Copy the values of pairs with the same names and shapes."""
        for name in self.names:
            layer = self.layer(name)
            layer.down.copy_(pairs[name].down)
            layer.up.copy_(pairs[name].up)


class _LoraHook:
    """A forward hook. It is not a module, so the transformer's parameter names do not change."""

    def __init__(self, layer: LoraLayer) -> None:
        self.layer = layer

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + self.layer(inputs[0]).to(output.dtype)


def _add_module(root: nn.Module, path: str, leaf: nn.Module) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        children = dict(root.named_children())
        if parent not in children:
            root.add_module(parent, nn.Module())
        root = root.get_submodule(parent)
    root.add_module(name, leaf)
