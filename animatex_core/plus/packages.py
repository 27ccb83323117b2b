"""Packages that only Animate-X++ without a host needs."""

from contextlib import AbstractContextManager
from types import ModuleType

from ..packages import optional_package


def plus_package(name: str) -> ModuleType:
    """Import a package of the `plus` extra; MissingDependency says how to install it."""
    command = "pip install 'diffusers>=0.33' 'transformers>=4.50' accelerate sentencepiece ftfy"
    return optional_package(name, "Animate-X++ without ComfyUI needs it", command)


def without_weights() -> AbstractContextManager[None]:
    """Return a context in which networks are built with parameters on the meta device.

    Buffers get their values: a table of positions that is not in the file would stay empty.
    """
    return plus_package("accelerate").init_empty_weights(include_buffers=False)
