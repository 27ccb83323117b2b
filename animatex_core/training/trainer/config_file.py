"""Configurations of trainings as YAML files, those that come along and a user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ...errors import InvalidInput
from .config import TrainingConfig

SHIPPED = Path(__file__).parent.parent / "configs"


def shipped_configs() -> list[str]:
    """Return the names of the configurations that come along."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_config(name: str, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a YAML file, or the configuration of that name that comes along.

    changes: such as "optimizer.learning_rate=1e-4", whose values are YAML too. Raises InvalidInput, naming
    what is wrong.
    """
    shipped = SHIPPED / f"{name}.yaml"
    values = _parsed(shipped if shipped.is_file() else Path(name))
    for change in changes:
        values = _with(values, change)
    return TrainingConfig.from_dict(values)


def changed(config: TrainingConfig, changes: Sequence[str]) -> TrainingConfig:
    """Return a configuration with such changes."""
    values = config.to_dict()
    for change in changes:
        values = _with(values, change)
    return TrainingConfig.from_dict(values)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(
            f"The configuration {str(path)!r} cannot be read ({error.strerror}): name a YAML file or one of "
            f"{', '.join(shipped_configs())}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The configuration {path} is not YAML ({_in_a_line(error)}): correct it."
        ) from error
    if not isinstance(values, dict):
        raise InvalidInput(f"The configuration {path} holds no settings: begin with `model:`.")
    return values


def _with(values: Mapping[str, Any], change: str) -> dict[str, Any]:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise InvalidInput(f"{change!r} changes nothing: give such as optimizer.learning_rate=1e-4.")
    try:
        return _put(values, path.split("."), yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{change!r} has a value that is not YAML: give a number, text or list."
        ) from error


def _put(values: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    first, *rest = path
    inner = values.get(first)
    return {
        **values,
        first: _put(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value,
    }


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
