"""A real file system that is too small, for messages about a full disk."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Lay a tmpfs over a folder, or skip the test where that is not permitted. options: "size=1m"."""
    if sys.platform != "linux":
        pytest.skip("mounts a tmpfs, which only Linux has")
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mounted folder: "ro", "size=2m"."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
