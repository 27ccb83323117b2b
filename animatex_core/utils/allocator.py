"""How the memory allocator of a process handles large blocks."""

import ctypes
import os
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
KEPT_BYTES = 2**30
"""Freed blocks up to this size are reused, and this much free memory is kept."""


def keep_freed_memory() -> bool:
    """Let this process reuse freed memory, where its allocator is glibc's, and return whether it does.

    By default glibc gets every block over 32 MiB from the kernel and returns it when it is freed. A denoiser
    allocates such blocks by the hundred in each step, and each time the kernel clears all of their pages.
    Only a program that owns its process should call this, never a library at import.
    """
    if not _has_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))


def _has_glibc() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):  # another C library does not know the name
        return False
