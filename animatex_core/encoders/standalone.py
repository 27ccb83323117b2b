"""Packages that only the stand-alone encoders need; inside a host they may be absent."""

from importlib import import_module
from types import ModuleType

from ..errors import MissingDependency


def standalone_package(name: str) -> ModuleType:
    """Import a package of the `standalone` extra; MissingDependency says how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"The package {name} cannot be imported ({error}), but encoding without ComfyUI needs it: "
            "run `pip install open_clip_torch diffusers accelerate`."
        ) from error
