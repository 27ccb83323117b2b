"""Packages that only the metrics need."""

from types import ModuleType

from ..packages import optional_package


def evaluation_package(name: str) -> ModuleType:
    """Import a package of the `evaluate` extra; MissingDependency says how to install it."""
    return optional_package(name, "FID and LPIPS need it", "pip install torchvision")
