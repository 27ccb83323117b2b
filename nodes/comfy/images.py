"""ComfyUI's IMAGE tensors as the core's uint8 images, and back, without running out of memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from typing import Any

import comfy.model_management
import numpy as np
import psutil
import torch
from comfy_execution.utils import get_executing_context
from torch import Tensor

from ...animatex_core.errors import InvalidInput, OutOfMemory, warn
from ...animatex_core.utils.progress import Progress, no_progress, with_progress

BYTES_PER_PIXEL = 12  # of an IMAGE in float32
BATCH_REMEDIES = {
    "images": "turn the batch into a list with Rebatch Images (batch_size 1)",
    "masks": "turn the batch into a list with Convert Mask to Image, Rebatch Images (batch_size 1) and "
    "Convert Image to Mask",
    "poses": "detect them in a list of images, which Rebatch Images (batch_size 1) makes from a batch",
}
LIST_REMEDY = "join the list into one batch with Rebatch Images (batch_size 4096) before detecting poses"
METADATA_METHODS = frozenset(
    (Tensor.size, Tensor.dim, Tensor.numel, Tensor.nelement, Tensor.element_size, Tensor.__len__)
)
METADATA_PROPERTIES = frozenset(
    (Tensor.shape, Tensor.ndim, Tensor.dtype, Tensor.device, Tensor.layout, Tensor.requires_grad)
)


def intermediate_dtype() -> torch.dtype:
    """Return the dtype of IMAGE, MASK and LATENT: float32, or what the user set in ComfyUI."""
    configured = getattr(comfy.model_management, "intermediate_dtype", None)
    return torch.float32 if configured is None else configured()


def to_intermediate(tensor: Tensor) -> Tensor:
    """Return a tensor in that dtype on the device where ComfyUI keeps results."""
    return tensor.to(comfy.model_management.intermediate_device(), intermediate_dtype())


def iterate_images(images: Tensor, progress: Progress = no_progress) -> Iterator[np.ndarray]:
    """Yield the images of an IMAGE one at a time.

    Args:
        images: (n, h, w, 3 or more) in 0..1.
        progress: Called for every image; may raise to stop.

    Yields:
        (h, w, 3) uint8.

    """
    if images.ndim != 4 or images.shape[3] < 3:
        raise InvalidInput(
            f"The IMAGE has shape {tuple(images.shape)}, but it must be (n, height, width, 3): "
            "connect images."
        )
    for image in with_progress(images, len(images), progress):
        yield (image[..., :3].float() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def first_image(images: Tensor, name: str = "reference") -> np.ndarray:
    """Return the first image of an IMAGE, with a warning if there are more.

    Args:
        images: (n, h, w, 3 or more) in 0..1.
        name: The input, for messages.

    Returns:
        (h, w, 3) uint8.

    """
    first = next(iterate_images(images), None)
    if first is None:
        raise InvalidInput("The IMAGE is empty: connect an image.")
    if len(images) > 1:
        warn_only_first_used(name, len(images), "images")
    return first


def stack_images(frames: Iterable[np.ndarray], count: int) -> Tensor:
    """Stack frames into an IMAGE, with only one of them in memory twice.

    Args:
        frames: (h, w, 3) uint8 each.
        count: How many frames there are at most.

    Raises:
        OutOfMemory: Before memory runs out.

    """
    images, done = None, 0
    for done, frame in enumerate(frames, start=1):
        if images is None:
            images = _allocate(count, frame.shape)
        images[done - 1] = torch.from_numpy(np.ascontiguousarray(frame)).float() / 255
    assert images is not None
    return images[:done]


def available_memory() -> int:
    """Return the free bytes of memory, including swap."""
    return psutil.virtual_memory().available + psutil.swap_memory().free


def _allocate(count: int, shape: tuple[int, ...]) -> Tensor:
    needed, free = BYTES_PER_PIXEL * count * prod(shape[:2]), available_memory()
    if needed > free:
        raise OutOfMemory(
            f"{count} images of {shape[1]}x{shape[0]} pixels need {needed / 1e9:.1f} GB of memory, but only "
            f"{free / 1e9:.1f} GB are free: use fewer frames or smaller images."
        )
    return torch.empty(count, *shape, dtype=intermediate_dtype())


def warn_only_first_used(name: str, count: int, kind: str) -> None:
    """Warn that only the first of several images, masks or poses of an input is used.

    Args:
        name: The input.
        count: How many there are.
        kind: A key of `BATCH_REMEDIES`.

    """
    remedy = f"to run the workflow for each of them, {BATCH_REMEDIES[kind]}"
    sentence = f"{name} has {count} {kind}, of which only the first is used: {remedy}."
    warn(sentence, stacklevel=3)


def warn_single_frame_list(count: int, what: str) -> None:
    """Warn if ComfyUI runs a node for every item of a list, and each item is a single frame.

    Args:
        count: Frames of this run.
        what: The start of the sentence, such as "Each image".

    """
    context = get_executing_context()
    if count == 1 and context is not None and context.list_index:
        sentence = f"{what} of a list becomes a video of one frame: to get one video, {LIST_REMEDY}."
        warn(sentence, stacklevel=3)


def require_one_batch(frames: int, poses: int) -> None:
    """Raise InvalidInput if either frames or poses seem to arrive one at a time, from a list."""
    if frames != poses and 1 in (frames, poses):
        raise InvalidInput(
            f"There are {frames} driving frames but {poses} poses: connect both for the same part of a "
            f"video, and if the frames come as a list, {LIST_REMEDY}."
        )


class LazyImages(Tensor):
    """An IMAGE of known shape whose pixels are computed when a node first reads them.

    Preview outputs are often not connected. ComfyUI does not tell a node which of its outputs are used, and
    it keeps them for later prompts that may use them. As in torch's `UninitializedParameter`, the object
    changes its class once it has values.
    """

    @classmethod
    def of(cls, shape: tuple[int, ...], compute: Callable[[], Tensor]) -> Tensor:
        """Return an IMAGE without pixels.

        Args:
            shape: (n, height, width, 3).
            compute: Returns the tensor of this shape in ComfyUI's dtype for images. An error reaches the node
                that reads the images, and the next use calls it again.

        """
        images: Any = torch.zeros(1, dtype=intermediate_dtype()).expand(shape).as_subclass(cls)
        images.compute = compute
        return images

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute the pixels before any operation that may read them."""
        with torch._C.DisableTorchFunctionSubclass():
            if not _reads_metadata(func):
                _compute_all([*args, *(kwargs or {}).values()])
            return func(*args, **(kwargs or {}))


def _reads_metadata(func: Callable[..., Any]) -> bool:
    # A property arrives as the bound __get__ of its descriptor.
    if func.__name__ == "__get__":
        return getattr(func, "__self__", None) in METADATA_PROPERTIES
    return func in METADATA_METHODS


def _compute_all(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, LazyImages):
            _compute(value)
        elif isinstance(value, list | tuple):
            _compute_all(value)


def _compute(images: Any) -> None:
    images.data = images.compute()
    del images.compute
    images.__class__ = Tensor
