"""Peak of the activations of one step of the released network, counted on the meta device; and the estimate.

Nothing is computed, so any size can be counted anywhere. Workspaces of kernels are not included.

python -m benchmarks.memory [--precision bfloat16]
"""

import argparse
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from animatex_core.animate_x.conditions import Conditions
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape, activation_bytes
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.training.loop.cost import OpCounter
from benchmarks.measure import generated_inputs

SIZES = ((512, 768, 16), (512, 768, 32), (512, 768, 64), (768, 1152, 32), (256, 384, 32))


def fused_attention(query: Tensor, key: Tensor, value: Tensor, **_: Any) -> Tensor:
    """Attention as fused kernels do it: no matrix of scores, and the output lies in memory like the query."""
    assert value.shape[-1] == query.shape[-1]
    return torch.empty_like(query)


def peak_bytes(config: DenoiserConfig, shape: ClipShape, dtype: torch.dtype, clips: int) -> int:
    """Count the peak of one step of a batch of `clips`."""
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype).eval()
    inputs = generated_inputs(config, shape).to("meta", dtype)
    with torch.inference_mode(), mock.patch.object(F, "scaled_dot_product_attention", fused_attention):
        conditions = Conditions.stack([unet.encode(inputs)] * clips)
        x = torch.empty(shape.latents(clips), device="meta", dtype=dtype)
        t = torch.zeros(clips, device="meta")
        with OpCounter() as counter:
            unet(x, t, conditions)
    return counter.peak


def main() -> None:
    """Run and print a row for every size."""
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
