"""What is put around weights: several files for one model, containers, prefixes, EMA copies."""

import re
import warnings
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import AnimateXWarning, CheckpointError, DamagedCheckpoint
from ..utils.documents import FileFault, read_json
from ..utils.text import reason_of

INDEX = re.compile(r".*\.index(\.\w+)?\.json", re.IGNORECASE)
SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
MAX_SHARDS = 1000


def shards_of(path: Path) -> list[Path]:
    """Return the files that hold the weights a path stands for, in order; the path itself where it is whole.

    Args:
        path: A weights file, one of several that it is split over, or their index.

    Raises:
        CheckpointError: One of the files is not there.
        DamagedCheckpoint: The index cannot be read, or names files elsewhere.

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
        content = read_json(index)
        weight_map = content["weight_map"]
        names = sorted(set(weight_map.values()))
    except OSError as error:
        raise CheckpointError(f"{index} cannot be opened ({error.strerror}): check the path.") from error
    except (FileFault, LookupError, TypeError, ValueError, AttributeError) as error:
        raise DamagedCheckpoint(
            f"{index} is no index of weights ({reason_of(error)}): download it again."
        ) from error
    if not names or any(not _is_beside(name) for name in names):
        raise DamagedCheckpoint(f"{index} names files that are not beside it: download it again.")
    return names


def _is_beside(name: object) -> bool:
    return isinstance(name, str) and name != "" and Path(name).name == name


def _present(path: Path, name: str) -> Path:
    shard = path.with_name(name)
    if not shard.is_file():
        raise CheckpointError(
            f"{shard} is missing, without which {path.name} is not whole: put it beside it."
        )
    return shard


COMPILED = "_orig_mod."
"""What `torch.compile` puts before the keys of each module that it compiled."""

PARALLEL = "module."
"""What `DistributedDataParallel` puts before all keys."""

EMA = "ema"
"""Is in the name of weights that were averaged over the training, with which networks are used."""

WRAPPER = "state_dict"
"""The container that may have other tensors beside it."""

STATES = frozenset(
    ("optimizer", "optimizer_states", "lr_scheduler", "scheduler", "scaler", "hyper_parameters")
)
"""What else is in a checkpoint of a training."""

ENOUGH = 0.5
"""Part of the tensors of the largest set of weights that another set has at least."""

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
"""Keys of a checkpoint under which frameworks keep the weights, averaged ones first."""


def unpacked(content: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """Take weights out of the containers that frameworks put around them.

    Args:
        content: What a pickle holds.
        path: Where it was, for the warning if there are several sets of weights.

    Returns:
        The mapping with the tensors, or `content` where it holds none in a known container.

    """
    while WRAPPER in content or _tensors_in(content.values()) < _most_within(content):
        found = _sets_in(content, CONTAINERS) or _sets_in(content, _others(content))
        if not found:
            break
        if len(found) > 1:
            _warn_of_several(path, found)
        content = content[found[0]]
    return content


def plain_keys(keys: Iterable[str]) -> dict[str, str]:
    """Return key -> the same without what `torch.compile` and `DistributedDataParallel` put there."""
    renamed = {key: key.replace(COMPILED, "") for key in keys}
    while renamed and all(name.startswith(PARALLEL) for name in renamed.values()):
        renamed = {key: name.removeprefix(PARALLEL) for key, name in renamed.items()}
    return renamed if len(set(renamed.values())) == len(renamed) else {key: key for key in renamed}


def weights_prefix(keys: Collection[str], expected: Collection[str], path: str | Path) -> str:
    """Return what stands before the keys of a network in a file that may hold more than one set of them.

    Args:
        keys: Those of the file.
        expected: Those of the network.
        path: The file, for the warning if there are several sets.

    Returns:
        The prefix, of averaged weights where there are such. Empty where no prefix gives all the keys, so
        that the comparison with them tells what is wrong.

    """
    probe = max(expected, key=len)
    candidates = {key.removesuffix(probe) for key in keys if key == probe or key.endswith(f".{probe}")}
    known = set(keys)
    prefixes = [prefix for prefix in sorted(candidates) if all(prefix + each in known for each in expected)]
    prefixes.sort(key=lambda prefix: EMA not in prefix.lower())
    if len(prefixes) > 1:
        _warn_of_several(path, prefixes)
    return prefixes[0] if prefixes else ""


def without_wrapper(
    tensors: Mapping[str, Tensor], expected: Collection[str], path: str | Path
) -> dict[str, Tensor]:
    """Return one set of weights without its `weights_prefix`; arguments as for that."""
    prefix = weights_prefix(tensors, expected, path)
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _sets_in(content: Mapping[Any, Any], names: Iterable[str]) -> list[str]:
    """Return which of these names hold weights, and not only a few values beside them."""
    counts = {name: _most_within({name: content.get(name)}) for name in names}
    most = max(counts.values(), default=0)
    return [name for name, count in counts.items() if count and count >= ENOUGH * most]


def _others(content: Mapping[Any, Any]) -> list[str]:
    """Return keys that nothing is known of, those of averaged weights first."""
    names = [name for name in content if isinstance(name, str) and name not in STATES]
    return sorted(names, key=lambda name: EMA not in name.lower())


def _most_within(content: Mapping[Any, Any], depth: int = 3) -> int:
    """Return how many tensors that mapping holds, of all in `content`, which has the most."""
    inner = [value for value in content.values() if isinstance(value, Mapping)] if depth else []
    return max((max(_tensors_in(each.values()), _most_within(each, depth - 1)) for each in inner), default=0)


def _tensors_in(values: Iterable[Any]) -> int:
    return sum(isinstance(value, Tensor) for value in values)


def _warn_of_several(path: str | Path, names: list[str]) -> None:
    said = ", ".join(repr(name) for name in names)
    warnings.warn(
        AnimateXWarning(f"{path} holds several sets of weights ({said}), of which {names[0]!r} is used."),
        stacklevel=3,
    )
