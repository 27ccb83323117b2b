"""Optional packages, imported on first use, with the command that installs them."""

from contextlib import AbstractContextManager
from importlib import import_module
from types import ModuleType

from ..errors import MissingDependency


def optional_package(name: str, user: str, command: str) -> ModuleType:
    """Import an optional package.

    Args:
        name: The module.
        user: What needs it, as a clause: "FID and LPIPS need it".
        command: The command that installs it.

    Returns:
        The module.

    Raises:
        MissingDependency: It cannot be imported.

    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"The package {name} cannot be imported ({error}), but {user}: run `{command}`."
        ) from error


def standalone_package(name: str) -> ModuleType:
    """Import a package of the `standalone` extra; raises MissingDependency."""
    return optional_package(
        name, "encoding without ComfyUI needs it", "pip install open_clip_torch diffusers accelerate"
    )


def evaluation_package(name: str) -> ModuleType:
    """Import a package of the `evaluate` extra; raises MissingDependency."""
    return optional_package(name, "FID and LPIPS need it", "pip install torchvision")


def plus_package(name: str) -> ModuleType:
    """Import a package of the `plus` extra; raises MissingDependency."""
    command = "pip install 'diffusers>=0.33' 'transformers>=4.50' accelerate sentencepiece ftfy"
    return optional_package(name, "Animate-X++ without ComfyUI needs it", command)


def empty_weights() -> AbstractContextManager[None]:
    """Return a context in which models are built with their parameters on the meta device.

    Buffers are real: a position table that is not in the weights file would stay uninitialized.
    """
    return plus_package("accelerate").init_empty_weights(include_buffers=False)
