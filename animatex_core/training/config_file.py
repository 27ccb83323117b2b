"""Training configurations in YAML files, shipped with the package or the user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..assets import ASSETS
from ..errors import InvalidInput
from ..utils.documents import FileFault, parse_yaml, read_yaml
from ..utils.validation import short_repr
from .animate_x.config import TrainingConfig
from .loop.config import RunConfig
from .systems import parse_config

Run = TypeVar("Run", bound=RunConfig)
SHIPPED = ASSETS / "training"


def shipped_configs() -> list[str]:
    """Return the names of the configurations that the package contains."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_any_config(name: str, changes: Sequence[str] = ()) -> RunConfig:
    """Read the configuration of any system.

    Args:
        name: Name of a shipped configuration, or path of a YAML file.
        changes: Overrides such as "optimizer.learning_rate=1e-4", with values in YAML.

    Returns:
        The configuration.

    Raises:
        InvalidInput: If the file cannot be read, or if an entry is invalid.

    """
    shipped = SHIPPED / f"{name}.yaml"
    values = _read(shipped if shipped.is_file() else Path(name))
    for change in changes:
        values = _override(values, change)
    return parse_config(values)


def read_config(name: str, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a configuration of Animate-X, see `read_any_config`.

    Raises:
        InvalidInput: If the configuration is invalid or of another system.

    """
    config = read_any_config(name, changes)
    if not isinstance(config, TrainingConfig):
        raise InvalidInput(f"The configuration {name} is of another system: choose paper or tiny.")
    return config


def override_config(config: Run, changes: Sequence[str]) -> Run:
    """Override entries of a configuration, see `read_any_config`.

    Raises:
        InvalidInput: If an entry is invalid, or if the system would change.

    """
    values = config.to_dict()
    for change in changes:
        values = _override(values, change)
    result = parse_config(values)
    if type(result) is not type(config):
        raise InvalidInput("system cannot be changed: start a new training.")
    return result


def _read(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path)
    except OSError as error:
        raise InvalidInput(
            f"The configuration {str(path)!r} cannot be read ({error.strerror}): give a YAML file or one of "
            f"{', '.join(shipped_configs())}."
        ) from error
    except FileFault as error:
        raise InvalidInput(f"The configuration {path} cannot be used ({error}): correct it.") from error
    if not isinstance(values, dict):
        raise InvalidInput(f"The configuration {path} holds no settings: start with `model:`.")
    return values


def _override(values: Mapping[str, Any], change: str) -> dict[str, Any]:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise InvalidInput(
            f"{change!r} is not NAME=VALUE: give an override such as optimizer.learning_rate=1e-4."
        )
    try:
        return _put(values, path.split("."), parse_yaml(text))
    except FileFault as error:
        raise InvalidInput(
            f"{short_repr(change)} has a value that is not YAML: give a number, text or list."
        ) from error


def _put(values: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    first, *rest = path
    inner = values.get(first)
    return {
        **values,
        first: _put(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value,
    }
