"""What frameworks put around weights: shards, containers, key prefixes and EMA copies."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import CheckpointError, DamagedCheckpoint, warn
from ..utils.documents import read_json
from ..utils.text import first_sentence

INDEX = re.compile(r".*\.index(\.\w+)?\.json", re.IGNORECASE)
SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
MAX_SHARDS = 1000

COMPILED = "_orig_mod."
"""The prefix that `torch.compile` adds to the keys of each compiled module."""

PARALLEL = "module."
"""The prefix that `DistributedDataParallel` adds to all keys."""

EMA = "ema"
"""Part of the name of weights averaged over the training, which are the ones for inference."""

WRAPPER = "state_dict"
"""The container that may have other tensors next to it."""

STATES = frozenset(
    ("optimizer", "optimizer_states", "lr_scheduler", "scheduler", "scaler", "hyper_parameters")
)
"""Keys of a training checkpoint that are not weights."""

MIN_SHARE = 0.5
"""A set of weights has at least this share of the tensors of the largest one."""

CONTAINERS = (
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "ema",
    "params_ema",
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "params",
    "net",
    "weights",
)
"""Keys of a checkpoint under which frameworks store weights, averaged ones first."""


def find_shards(path: Path) -> list[Path]:
    """Return the files that make up a checkpoint, in order.

    Args:
        path: A weights file, one shard of several, or their index.

    Returns:
        All shards; only the path itself if the weights are not split.

    Raises:
        CheckpointError: One of the files is missing.
        DamagedCheckpoint: The index cannot be read, or lists files elsewhere.

    """
    if INDEX.fullmatch(path.name):
        names = _names_in(path)
    elif (shard := SHARD.fullmatch(path.name)) and 1 < int(shard["count"]) <= MAX_SHARDS:
        count = int(shard["count"])
        names = [
            f"{shard['stem']}-{number:05}-of-{count:05}{shard['suffix']}" for number in range(1, count + 1)
        ]
    else:
        return [path]
    return [_present(path, name) for name in names]


def _names_in(index: Path) -> list[str]:
    try:
        names = sorted(set(read_json(index)["weight_map"].values()))
    except OSError as error:
        raise CheckpointError(f"{index} cannot be opened ({error.strerror}): check the path.") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DamagedCheckpoint(
            f"{index} is not a weights index ({first_sentence(error)}): download it again."
        ) from error
    if not names or any(not _is_beside(name) for name in names):
        raise DamagedCheckpoint(f"{index} lists files that are not next to it: download it again.")
    return names


def _is_beside(name: object) -> bool:
    return isinstance(name, str) and name != "" and Path(name).name == name


def _present(path: Path, name: str) -> Path:
    shard = path.with_name(name)
    if not shard.is_file():
        raise CheckpointError(
            f"{shard} is missing, and {path.name} is incomplete without it: put it next to that file."
        )
    return shard


def unwrap_state_dict(content: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """Take weights out of the containers that frameworks put around them.

    Args:
        content: The content of a pickle.
        path: The file, for the warning if it has several sets of weights.

    Returns:
        The mapping with the tensors, or `content` if no known container has any.

    """
    while WRAPPER in content or _tensors_in(content.values()) < _most_within(content):
        found = _sets_in(content, CONTAINERS) or _sets_in(content, _others(content))
        if not found:
            break
        if len(found) > 1:
            _warn_of_several(path, found)
        content = content[found[0]]
    return content


def strip_framework_prefixes(keys: Iterable[str]) -> dict[str, str]:
    """Return key -> key without the prefixes of `torch.compile` and `DistributedDataParallel`."""
    renamed = {key: key.replace(COMPILED, "") for key in keys}
    while renamed and all(name.startswith(PARALLEL) for name in renamed.values()):
        renamed = {key: name.removeprefix(PARALLEL) for key, name in renamed.items()}
    return renamed if len(set(renamed.values())) == len(renamed) else {key: key for key in renamed}


def weights_prefix(keys: Collection[str], expected: Collection[str], path: str | Path) -> str:
    """Return the prefix of a model's keys in a file, which may contain several sets of weights.

    Args:
        keys: Those of the file.
        expected: Those of the model.
        path: The file, for the warning if it has several sets.

    Returns:
        The prefix, that of averaged weights if there are any. Empty if no prefix gives all keys, so that
        the comparison of the keys reports what is wrong.

    """
    probe = max(expected, key=len)
    candidates = {key.removesuffix(probe) for key in keys if key == probe or key.endswith(f".{probe}")}
    known = set(keys)
    prefixes = [prefix for prefix in sorted(candidates) if all(prefix + each in known for each in expected)]
    prefixes.sort(key=lambda prefix: EMA not in prefix.lower())
    if len(prefixes) > 1:
        _warn_of_several(path, prefixes)
    return prefixes[0] if prefixes else ""


def strip_weights_prefix(
    tensors: Mapping[str, Tensor], expected: Collection[str], path: str | Path
) -> dict[str, Tensor]:
    """Return one set of weights without its prefix; arguments as for `weights_prefix`."""
    prefix = weights_prefix(tensors, expected, path)
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _sets_in(content: Mapping[Any, Any], names: Iterable[str]) -> list[str]:
    """Return which of these names contain weights, not just a few values."""
    counts = {name: _most_within({name: content.get(name)}) for name in names}
    most = max(counts.values(), default=0)
    return [name for name, count in counts.items() if count and count >= MIN_SHARE * most]


def _others(content: Mapping[Any, Any]) -> list[str]:
    """Return the unknown keys, those of averaged weights first."""
    names = [name for name in content if isinstance(name, str) and name not in STATES]
    return sorted(names, key=lambda name: EMA not in name.lower())


def _most_within(content: Mapping[Any, Any], depth: int = 3) -> int:
    """Return the most tensors that any mapping inside `content` has."""
    inner = [value for value in content.values() if isinstance(value, Mapping)] if depth else []
    return max((max(_tensors_in(each.values()), _most_within(each, depth - 1)) for each in inner), default=0)


def _tensors_in(values: Iterable[Any]) -> int:
    return sum(isinstance(value, Tensor) for value in values)


def _warn_of_several(path: str | Path, names: list[str]) -> None:
    listed = ", ".join(repr(name) for name in names)
    warn(f"{path} contains several sets of weights ({listed}): {names[0]!r} is used.", stacklevel=3)
