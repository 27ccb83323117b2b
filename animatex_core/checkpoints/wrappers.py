"""What training frameworks put around weights: containers, words before every key, EMA beside raw."""

import warnings
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import AnimateXWarning

COMPILED = "_orig_mod."
"""What `torch.compile` puts before the keys of each module that it compiled."""

PARALLEL = "module."
"""What `DistributedDataParallel` puts before all keys."""

EMA = "ema"
"""Is in the name of weights that were averaged over the training, with which networks are used."""

WRAPPER = "state_dict"
"""The container that may have other tensors beside it."""

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
    while WRAPPER in content or not any(isinstance(value, Tensor) for value in content.values()):
        found = [name for name in CONTAINERS if _holds_tensors(content.get(name))]
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


def _holds_tensors(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return any(isinstance(each, Tensor) or _is_container(name, each) for name, each in value.items())


def _is_container(name: object, value: object) -> bool:
    return (
        name in CONTAINERS
        and isinstance(value, Mapping)
        and any(isinstance(x, Tensor) for x in value.values())
    )


def _warn_of_several(path: str | Path, names: list[str]) -> None:
    said = ", ".join(repr(name) for name in names)
    warnings.warn(
        AnimateXWarning(f"{path} holds several sets of weights ({said}), of which {names[0]!r} is used."),
        stacklevel=3,
    )
