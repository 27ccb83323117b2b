"""Packages that only some of the work needs, and that may be absent."""

from importlib import import_module
from types import ModuleType

from .errors import MissingDependency


def optional_package(name: str, user: str, command: str) -> ModuleType:
    """Import a package; MissingDependency says what needs it and which command installs it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"The package {name} cannot be imported ({error}), but {user}: run `{command}`."
        ) from error
