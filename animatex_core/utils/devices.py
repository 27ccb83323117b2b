"""Devices and dtypes of models, free memory, and readable out-of-memory errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import InvalidInput, OutOfMemory

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Neither the CPU's nor the MPS allocator has an exception class of its own.
OOM_MESSAGES = ("defaultcpuallocator", "out of memory", "cannot allocate memory", "can't allocate memory")


def choose_device(name: str = "auto") -> torch.device:
    """Return a device by name.

    Args:
        name: A device of torch; "auto" selects CUDA, then MPS, then the CPU.

    Returns:
        The device, on which a tensor was created as a check.

    Raises:
        InvalidInput: The device is not available.

    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(f"Device {name!r} is not available: use auto or cpu.") from error


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the weights.

    Args:
        precision: A key of `PRECISIONS`, or "auto": float32 on a CPU, elsewhere bfloat16 if the device
            supports it, else float16.
        device: Where the model runs.

    Returns:
        The dtype.

    """
    if precision != "auto":
        return PRECISIONS[precision]
    if device.type == "cpu":
        return torch.float32
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float16


def free_cuda_bytes(device: torch.device) -> int:
    """Return the bytes that can be allocated on a CUDA device, including those that torch has cached."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that a device has too little memory."""
    named = isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError))
    return named or any(message in str(error).lower() for message in OOM_MESSAGES)


@contextmanager
def reraise_oom(message: str) -> Iterator[None]:
    """Raise OutOfMemory instead of an allocator's own error.

    Args:
        message: The sentence of the error: what does not fit, and which setting to lower.

    Raises:
        OutOfMemory: The block ran out of memory. Other exceptions pass unchanged.

    """
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(message) from error
