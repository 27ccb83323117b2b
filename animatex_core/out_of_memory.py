"""One sentence instead of an allocator's report."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import OutOfMemory

# Neither the CPU's allocator nor that of MPS has an error class of its own.
REPORTS = ("defaultcpuallocator", "out of memory", "cannot allocate memory", "can't allocate memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that a device has too little memory."""
    named = isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError))
    return named or any(report in str(error).lower() for report in REPORTS)


@contextmanager
def explained(sentence: str) -> Iterator[None]:
    """Raise OutOfMemory with a sentence that says what to lower, where a device has too little memory."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(sentence) from error
