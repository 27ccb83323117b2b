"""Count the peak activation memory of one step of the full-size model, next to the estimate.

It runs on the meta device, so any size can be counted on any machine. Workspaces of kernels are not included.

python -m benchmarks.memory [--precision bfloat16]
"""

import argparse
import weakref
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from animatex_core.animate_x.conditions import Conditions
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape, activation_bytes
from animatex_core.animate_x.unet import AnimateXUNet
from benchmarks.measure import generated_inputs

SIZES = ((512, 768, 16), (512, 768, 32), (512, 768, 64), (768, 1152, 32), (256, 384, 32))


class StorageCounter(TorchDispatchMode):
    """Tracks the storages that are created in its context, and their peak total size."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.living: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self.living:
            return
        self.living.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self.living.discard(key)
        self.now -= size


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, **_: Any) -> Tensor:
    """Stand-in for fused attention kernels, which allocate no score matrix."""
    return query.new_empty(*query.shape[:-1], value.shape[-1])


def peak_bytes(config: DenoiserConfig, shape: ClipShape, dtype: torch.dtype, clips: int) -> int:
    """Count the peak bytes of one step with a batch of `clips` clips."""
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype).eval()
    inputs = generated_inputs(config, shape).to("meta", dtype)
    with torch.inference_mode(), mock.patch.object(F, "scaled_dot_product_attention", _fused_attention):
        conditions = Conditions.stack([unet.encode(inputs)] * clips)
        x = torch.empty(shape.latents(clips), device="meta", dtype=dtype)
        t = torch.zeros(clips, device="meta")
        with StorageCounter() as counter:
            unet(x, t, conditions)
    return counter.peak


def main() -> None:
    """Run the benchmark and print a row for every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="bfloat16")
    dtype = getattr(torch, parser.parse_args().precision)
    config = DenoiserConfig.released()
    print("  size      frames  clips  counted MiB  estimate MiB")
    for width, height, frames in SIZES:
        for clips in (1, 2):
            shape = ClipShape(width, height, frames)
            counted = peak_bytes(config, shape, dtype, clips) / 2**20
            estimate = activation_bytes(config, shape, dtype, clips) / 2**20
            print(f"{width:5d}x{height:<5d} {frames:5d} {clips:6d} {counted:12.0f} {estimate:13.0f}")


if __name__ == "__main__":
    main()
