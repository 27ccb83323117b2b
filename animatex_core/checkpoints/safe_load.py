"""Reading weights files without ever executing a pickle.

The content decides how a file is read, not its name, because weights files are often renamed. Safetensors
files and the zip archives of `torch.save` are memory-mapped: a tensor is read from disk when it is accessed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import DamagedCheckpoint, WrongCheckpoint
from ..utils.text import shorten_key
from .file_form import REMEDY_DAMAGED, FileFormat, detect_format, unreadable
from .torch_pickles import read_pickle
from .wrappers import find_shards, strip_framework_prefixes, unwrap_state_dict
from .zeroed_regions import check_zeroed_file, check_zeroed_tensors, safetensors_regions, zip_regions

MAX_HEADER = 8 << 20  # bytes of the JSON in a safetensors file; that of Wan 14B has 0.2 MB


def open_tensors(path: str | Path, prefix: str = "", *, weights: bool = True) -> dict[str, Tensor]:
    """Return the tensors of a weights file on the CPU, memory-mapped if the format allows it.

    The containers and prefixes of training frameworks are removed; everything that is not a tensor is left
    out. The tensors of one call share one mapping, whose accessed pages stay resident until the last of them
    is released.

    Args:
        path: The file; for weights split over several files, one of them or their index.
        prefix: Return only the keys that begin with it, without it.
        weights: Whether long runs of zeros mean damage; False for data, which may contain them.

    Returns:
        Key -> tensor.

    Raises:
        CheckpointError: The file does not exist.
        DamagedCheckpoint: It is truncated, damaged, or not a weights file.
        UnsafeCheckpoint: It is a pickle that requests code, which is not run.
        WrongCheckpoint: It has no tensor under the prefix.

    """
    path = Path(path)
    stored = _stored_in_all(find_shards(path), weights)
    names = strip_framework_prefixes(stored)
    tensors = {
        names[key][len(prefix) :]: tensor for key, tensor in stored.items() if names[key].startswith(prefix)
    }
    if not tensors:
        under = f" under {prefix!r}" if prefix else ""
        raise WrongCheckpoint(f"{path} contains no tensors{under}: choose the weights file of this model.")
    return tensors


def _stored_in_all(shards: list[Path], weights: bool) -> dict[str, Tensor]:
    """Return the tensors of all parts; raises DamagedCheckpoint if two of them have the same tensor."""
    stored: dict[str, Tensor] = {}
    for shard in shards:
        found = _stored_in(shard, weights)
        if twice := sorted(found.keys() & stored.keys()):
            raise DamagedCheckpoint(
                f"{shard} contains {shorten_key(twice[0])}, as does another part next to it: download all parts of "
                "one version."
            )
        stored |= found
    return stored


def _stored_in(path: Path, weights: bool) -> dict[str, Tensor]:
    """Return the tensors of one file under its own keys."""
    form = detect_format(path)
    stored = (
        _read_safetensors(path)
        if form is FileFormat.SAFETENSORS
        else unwrap_state_dict(read_pickle(path, mapped=form is FileFormat.ZIP), path)
    )
    tensors = {
        key: value.detach()
        for key, value in stored.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if weights:
        _require_no_holes(path, form, tensors)
    return tensors


def _require_no_holes(path: Path, form: FileFormat, tensors: Mapping[str, Tensor]) -> None:
    if form is FileFormat.LEGACY:
        check_zeroed_tensors(path, tensors)
    else:
        check_zeroed_file(
            path, (safetensors_regions if form is FileFormat.SAFETENSORS else zip_regions)(path)
        )


def tensor_groups(path: str | Path, max_bytes: int, prefix: str = "") -> Iterator[dict[str, Tensor]]:
    """Yield the tensors of a weights file in file order, in groups of limited size.

    Each group is mapped separately, so at most one is resident if nothing of the previous group is kept: copy
    what has to outlive its group. A legacy pickle cannot be mapped and is in memory as a whole.

    Args:
        path: As for `open_tensors`.
        max_bytes: The size of a group; a larger tensor is a group of its own.
        prefix: As for `open_tensors`.

    Yields:
        Key -> tensor.

    Raises:
        CheckpointError: As `open_tensors` does.

    """
    tensors: Mapping[str, Tensor] = open_tensors(path, prefix)
    groups = list(_grouped({key: tensor.nbytes for key, tensor in tensors.items()}, max_bytes))
    mapped = detect_format(find_shards(Path(path))[0]) is not FileFormat.LEGACY
    for keys in groups:
        if mapped:
            tensors = open_tensors(path, prefix)
        yield {key: tensors[key] for key in keys}


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the text metadata of a safetensors file; {} if it has none or another format."""
    path = find_shards(Path(path))[0]
    if detect_format(path) is not FileFormat.SAFETENSORS:
        return {}
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, MemoryError, OSError) as error:
        raise unreadable(path, error) from error


def _grouped(sizes: Mapping[str, int], max_bytes: int) -> Iterator[list[str]]:
    group: list[str] = []
    remaining = max_bytes
    for key, size in sizes.items():
        if group and size > remaining:
            yield group
            group, remaining = [], max_bytes
        group.append(key)
        remaining -= size
    yield group


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a mapping
    except (SafetensorError, MemoryError, OSError) as error:
        raise unreadable(path, error) from error


def _check_header(path: Path) -> None:
    """Raise DamagedCheckpoint for a header that would take a hundred times its size in memory."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER:
        raise DamagedCheckpoint(
            f"{path} has a header of {length:,} bytes, but the maximum is {MAX_HEADER:,}: {REMEDY_DAMAGED}."
        )
