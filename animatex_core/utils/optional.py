"""Optional packages: imported when first needed, with the command that installs them."""

from contextlib import AbstractContextManager
from importlib import import_module
from types import ModuleType

from ..errors import MissingDependency


def optional_package(name: str, user: str, command: str) -> ModuleType:
    """Import a package; MissingDependency says what needs it and which command installs it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"The package {name} cannot be imported ({error}), but {user}: run `{command}`."
        ) from error


def standalone_package(name: str) -> ModuleType:
    """Import a package of the `standalone` extra; MissingDependency says how to install it."""
    return optional_package(
        name, "encoding without ComfyUI needs it", "pip install open_clip_torch diffusers accelerate"
    )


def evaluation_package(name: str) -> ModuleType:
    """Import a package of the `evaluate` extra; MissingDependency says how to install it."""
    return optional_package(name, "FID and LPIPS need it", "pip install torchvision")


def plus_package(name: str) -> ModuleType:
    """Import a package of the `plus` extra; MissingDependency says how to install it."""
    command = "pip install 'diffusers>=0.33' 'transformers>=4.50' accelerate sentencepiece ftfy"
    return optional_package(name, "Animate-X++ without ComfyUI needs it", command)


def without_weights() -> AbstractContextManager[None]:
    """Return a context in which networks are built with parameters on the meta device.

    Buffers get their values: a table of positions that is not in the file would stay empty.
    """
    return plus_package("accelerate").init_empty_weights(include_buffers=False)
