"""Shared by the benchmarks: generated weights and conditions, time and peak memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet

# The official architecture at a fifth of its width, small enough for a sweep on a laptop.
SMALL = DenoiserConfig(channels=64, head_dim=32, residual_blocks=1)


@dataclass
class Measurement:
    """Seconds, and the peak growth of the resident memory in bytes."""

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measured(interval: float = 0.002) -> Iterator[Measurement]:
    """Measure a block. Memory is sampled, so peaks shorter than the interval (seconds) may be missed."""
    process, result, stop = psutil.Process(), Measurement(), threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not stop.is_set():
            result.peak_bytes = max(result.peak_bytes, process.memory_info().rss - before)
            time.sleep(interval)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - start
        stop.set()
        watcher.join()


def generated_unet(
    config: DenoiserConfig, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> AnimateXUNet:
    """Build a denoiser with generated weights for inference."""
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype).to_empty(device=device)
    init_random_weights(unet)
    return unet.eval().requires_grad_(False)


def generated_inputs(config: DenoiserConfig, shape: ClipShape) -> ConditionInputs:
    """Generate all conditions of the default configuration."""
    frames = shape.frames + 1
    return ConditionInputs(
        shape=shape,
        text_context=torch.randn(1, config.text_tokens, config.context_dim),
        image_embedding=torch.randn(1, 1, config.context_dim),
        reference_image=torch.rand(1, 3, 1, shape.height, shape.width),
        pose_pictures=torch.rand(1, 3, frames, shape.height, shape.width),
        keypoints=torch.rand(1, frames, 2, 18),
        clip_features=torch.randn(1, frames, config.context_dim),
    )
