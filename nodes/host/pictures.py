"""ComfyUI's IMAGE and MASK, and the core's pictures."""

import warnings
from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import psutil
import torch
from torch import Tensor

from ...animatex_core.errors import AnimateXWarning, InvalidInput, OutOfMemory
from ...animatex_core.utils.progress import Progress, no_progress, with_progress
from .intermediate import intermediate_dtype

PIXEL = 12  # bytes of an IMAGE in float32
ALL_OF_THEM = {
    "images": "make them a list with Rebatch Images (batch_size 1)",
    "masks": "make them a list of images with Convert Mask to Image and Rebatch Images (batch_size 1), and "
    "masks again with Convert Image to Mask",
    "poses": "find them in a list of images, which Rebatch Images (batch_size 1) makes of a batch",
}


def frames_of(images: Tensor, progress: Progress = no_progress) -> Iterator[np.ndarray]:
    """Yield the pictures of an IMAGE (n, h, w, 3 or more) in 0..1, one at a time, as (h, w, 3) uint8.

    progress: called for each picture; what it raises ends the work.
    """
    if images.ndim != 4 or images.shape[3] < 3:
        raise InvalidInput(
            f"The IMAGE has shape {tuple(images.shape)}, but it must be (n, height, width, 3): give pictures."
        )
    for image in with_progress(images, len(images), progress):
        yield (image[..., :3].float() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def picture_of(images: Tensor, name: str = "reference") -> np.ndarray:
    """Return the first picture of an IMAGE, and warn where it is not the only one.

    name: its input in messages.
    """
    first = next(frames_of(images), None)
    if first is None:
        raise InvalidInput("The IMAGE holds no picture: give one.")
    if len(images) > 1:
        warn_of_first(name, len(images), "images")
    return first


def warn_of_first(name: str, count: int, kind: str) -> None:
    """Warn that only the first of several images, masks or poses of one input is used.

    Args:
        name: The input.
        count: How many there are.
        kind: One of ALL_OF_THEM, which says how to use them all.

    """
    remedy = f"to run the graph for each, {ALL_OF_THEM[kind]}"
    sentence = f"{name} holds {count} {kind}, of which only the first is used: {remedy}."
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def images_of(frames: Iterable[np.ndarray], count: int) -> Tensor:
    """Return at most `count` frames (h, w, 3) uint8 as an IMAGE; only one of them is in memory twice.

    Raises OutOfMemory before memory runs out.
    """
    images, done = None, 0
    for done, frame in enumerate(frames, start=1):
        if images is None:
            images = _room_for(count, frame.shape)
        images[done - 1] = torch.from_numpy(np.ascontiguousarray(frame)).float() / 255
    assert images is not None
    return images[:done]


def memory_left() -> int:
    """Return how many bytes can be had, on disk too where the system swaps."""
    return psutil.virtual_memory().available + psutil.swap_memory().free


def _room_for(count: int, shape: tuple[int, ...]) -> Tensor:
    needed, left = PIXEL * count * prod(shape[:2]), memory_left()
    if needed > left:
        raise OutOfMemory(
            f"{count} pictures of {shape[1]}x{shape[0]} pixels need {needed / 1e9:.1f} GB of memory, but "
            f"{left / 1e9:.1f} GB are left: take fewer frames or smaller pictures."
        )
    return torch.empty(count, *shape, dtype=intermediate_dtype())
