"""Configurations of trainings as YAML files, those that come along and a user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..assets import ASSETS
from ..errors import InvalidInput
from ..utils.documents import FileFault, parse_yaml, read_yaml
from ..utils.validation import shown
from .animate_x.config import TrainingConfig
from .animate_x_plus.config import SYSTEM, PlusTrainingConfig
from .loop.config import RunConfig

Run = TypeVar("Run", bound=RunConfig)
SHIPPED = ASSETS / "training"


def shipped_configs() -> list[str]:
    """Return the names of the configurations that come along."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_any_config(name: str, changes: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file, or the configuration of that name that comes along.

    changes: such as "optimizer.learning_rate=1e-4", whose values are YAML too. Raises InvalidInput, naming
    what is wrong.
    """
    shipped = SHIPPED / f"{name}.yaml"
    values = _parsed(shipped if shipped.is_file() else Path(name))
    for change in changes:
        values = _with(values, change)
    return config_of(values)


def read_config(name: str, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a configuration as `read_any_config`; raises InvalidInput for one that trains no denoiser."""
    config = read_any_config(name, changes)
    if not isinstance(config, TrainingConfig):
        raise InvalidInput(f"The configuration {name} is that of another system: take paper or tiny.")
    return config


def changed(config: Run, changes: Sequence[str]) -> Run:
    """Return a configuration of the same system with such changes."""
    values = config.to_dict()
    for change in changes:
        values = _with(values, change)
    made = config_of(values)
    if type(made) is not type(config):
        raise InvalidInput("system cannot be changed: begin another training.")
    return made


def config_of(values: Mapping[str, Any]) -> RunConfig:
    """Read the entries of any training: without a `system` they are a denoiser's.

    Raises InvalidInput for what does not belong.
    """
    if "system" not in values:
        return TrainingConfig.from_dict(values)
    if values["system"] != SYSTEM:
        raise InvalidInput(f"system is {shown(values['system'])}: leave it out, or give {SYSTEM}.")
    return PlusTrainingConfig.from_dict(values)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path)
    except OSError as error:
        raise InvalidInput(
            f"The configuration {str(path)!r} cannot be read ({error.strerror}): name a YAML file or one of "
            f"{', '.join(shipped_configs())}."
        ) from error
    except FileFault as error:
        raise InvalidInput(f"The configuration {path} cannot be used ({error}): correct it.") from error
    if not isinstance(values, dict):
        raise InvalidInput(f"The configuration {path} holds no settings: begin with `model:`.")
    return values


def _with(values: Mapping[str, Any], change: str) -> dict[str, Any]:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise InvalidInput(f"{change!r} changes nothing: give such as optimizer.learning_rate=1e-4.")
    try:
        return _put(values, path.split("."), parse_yaml(text))
    except FileFault as error:
        raise InvalidInput(
            f"{shown(change)} has a value that is not YAML: give a number, text or list."
        ) from error


def _put(values: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    first, *rest = path
    inner = values.get(first)
    return {
        **values,
        first: _put(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value,
    }
