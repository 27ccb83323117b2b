"""Packages that only the stand-alone encoders need; inside a host they may be absent."""

from types import ModuleType

from ..packages import optional_package


def standalone_package(name: str) -> ModuleType:
    """Import a package of the `standalone` extra; MissingDependency says how to install it."""
    return optional_package(
        name, "encoding without ComfyUI needs it", "pip install open_clip_torch diffusers accelerate"
    )
