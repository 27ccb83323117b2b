"""One sentence instead of an allocator's report."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from animatex_core.errors import OutOfMemory


@contextmanager
def explained(sentence: str) -> Iterator[None]:
    """Raise OutOfMemory with a sentence that says what to lower, where a device has too little memory."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(sentence) from error
    except RuntimeError as error:
        # The CPU's allocator has no error class of its own.
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise OutOfMemory(sentence) from error
