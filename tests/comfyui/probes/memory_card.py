"""A card of ordinary memory, for ComfyUI's own dynamic loading where there is none.

Everything that decides, moves, casts and patches weights is ComfyUI's own code. Only the buffer of
comfy_aimdo, which needs a card, is made of ordinary memory here: it holds a budget of bytes, and counts.
"""

import ctypes
import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

import comfy.cli_args  # isort: skip
import comfy.model_management  # isort: skip
import comfy_aimdo.model_vbar  # isort: skip
import comfy_aimdo.torch  # isort: skip

CARD = torch.device("cpu", 0)
"""Ordinary memory under a name that is not that of the CPU."""
NUMBERS = itertools.count(1)


class Buffer:
    """Room for a model's weights, of which `budget` bytes can be on the card at once."""

    def __init__(self, budget: int, size: int, device: int) -> None:
        self.budget, self.staged = budget, 0
        self.resident: dict[int, tuple[Tensor, Any]] = {}

    def prioritize(self) -> None:
        pass

    def alloc(self, size: int) -> tuple["Buffer", int, int]:
        offset = self.staged
        self.staged += size
        return self, offset, size

    def fault(self, offset: int, size: int) -> Any:
        """Make room for a layer's weights; return a number for what lies there, None where it is full."""
        if offset not in self.resident:
            if self.loaded_size() + size > self.budget:
                return None
            number = (ctypes.c_uint32 * 1)(next(NUMBERS))
            self.resident[offset] = torch.empty(size, dtype=torch.uint8), number
        return self.resident[offset][1]

    def unpin(self, offset: int, size: int) -> None:
        pass

    def loaded_size(self) -> int:
        return sum(memory.numel() for memory, _ in self.resident.values())

    def free_memory(self, size: float) -> int:
        """Give at least so many bytes back, if there are as many."""
        before = self.loaded_size()
        while self.resident and before - self.loaded_size() < size:
            self.resident.popitem()
        return before - self.loaded_size()


class Resting(nn.Parameter):
    """A weight that is not on the card; its memory is ordinary, as the card's."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("meta")

    def detach(self) -> "Resting":
        return Resting(self.data, requires_grad=False)


@contextmanager
def memory_card(budget: int = sys.maxsize) -> Iterator[None]:
    """Have ComfyUI load models onto a card that computes in float32 and has `budget` bytes for weights."""
    management = comfy.model_management
    changes = [
        (management, "get_torch_device", lambda: CARD),
        (management, "text_encoder_device", lambda: CARD),
        (management, "vae_device", lambda: CARD),
        (management, "is_device_cpu", lambda device: False),
        (management, "should_use_fp16", lambda *_, **__: False),
        (management, "should_use_bf16", lambda *_, **__: False),
        (comfy.cli_args.args, "disable_pinned_memory", True),
        (comfy_aimdo.model_vbar, "ModelVBAR", partial(Buffer, budget)),
        (comfy_aimdo.torch, "aimdo_to_tensor", lambda place, _: place[0].resident[place[1]][0]),
    ]
    with ExitStack() as stack:
        for owner, name, value in changes:
            stack.enter_context(patch.object(owner, name, value))
        yield


def rest(model: nn.Module) -> None:
    """Mark all weights of a loaded model as lying beside the card."""
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, Resting(parameter.data, requires_grad=False))


def on_card(patcher: Any) -> dict[str, int]:
    """Return the bytes of a model: in all, with a place in the buffer, in it now, and loaded beside it."""
    buffer = patcher._vbar_get()
    return {
        "size": patcher.model_size(),
        "staged": buffer.staged,
        "resident": buffer.loaded_size(),
        "forced": patcher.model.model_loaded_weight_memory,
    }
