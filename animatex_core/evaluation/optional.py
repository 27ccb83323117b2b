"""Packages that only the metrics need."""

from importlib import import_module
from types import ModuleType

from ..errors import MissingDependency


def evaluation_package(name: str) -> ModuleType:
    """Import a package of the `evaluate` extra; MissingDependency says how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"The package {name} cannot be imported ({error}), but FID and LPIPS need it: "
            "run `pip install torchvision`."
        ) from error
