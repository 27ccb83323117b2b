"""Devices and data types of models, and one sentence instead of an allocator's report."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import InvalidInput, OutOfMemory

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a name; "auto" is CUDA, else Apple's MPS, else the CPU. Raises InvalidInput."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(f"The device {name!r} is not at hand here: take auto or cpu.") from error


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the type of the weights; "auto" is float32 on a CPU, elsewhere bf16 or, without it, fp16."""
    if precision != "auto":
        return PRECISIONS[precision]
    if device.type == "cpu":
        return torch.float32
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float16


# Neither the CPU's allocator nor that of MPS has an error class of its own.
REPORTS = ("defaultcpuallocator", "out of memory", "cannot allocate memory", "can't allocate memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that a device has too little memory."""
    named = isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError))
    return named or any(report in str(error).lower() for report in REPORTS)


@contextmanager
def reraise_oom(sentence: str) -> Iterator[None]:
    """Raise OutOfMemory with a sentence that says what to lower, where a device has too little memory."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(sentence) from error
