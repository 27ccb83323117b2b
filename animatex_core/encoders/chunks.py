"""A network over a long clip, a few frames at a time."""

from collections.abc import Callable

from torch import Tensor

from ..errors import InvalidInput
from ..out_of_memory import explained


def in_chunks(function: Callable[[Tensor], Tensor], batch: Tensor, size: int, like: Tensor) -> Tensor:
    """Apply `function` to `size` items of `batch` (n, ...) at a time: (n, ...) of its results.

    Only the chunk at work is given the device and dtype of `like`, so that memory there does not grow
    with n; the result has the device and dtype of `batch`, wherever that lies.
    """
    if not len(batch) or size < 1:
        raise InvalidInput(
            f"{len(batch)} frames in chunks of {size} were asked for, but both must be at least 1: "
            f"pass a frame and a batch size of 1 or more."
        )
    assert batch.is_floating_point()
    result = None
    for start in range(0, len(batch), size):
        with explained(f"{size} frames at a time do not fit into memory: lower the encoder's batch size."):
            part = function(batch[start : start + size].to(like))
        if result is None:
            result = batch.new_empty(len(batch), *part.shape[1:])
        result[start : start + size] = part
    assert result is not None
    return result
