"""Reading weights files without ever executing a pickle.

The content decides how a file is read, not its name, because weights files are renamed freely. Safetensors
and the zip pickles of `torch.save` are memory-mapped: a tensor is read from disk only where it is touched.
"""

import enum
import pickle
import re
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import (
    CheckpointError,
    DamagedCheckpoint,
    OutOfMemory,
    UnsafeCheckpoint,
    WrongCheckpoint,
)
from ..utils.devices import is_out_of_memory
from ..utils.text import reason_of, short
from ..utils.validation import may_block
from .file_signatures import HEAD, mistaken_for
from .pickle_check import NotForTensors, TooLarge, check_pickle, is_at_end, read_bounded
from .wrappers import plain_keys, shards_of, unpacked
from .zeroed_regions import require_no_holes, require_no_holes_in, safetensors_regions, zip_regions

REMEDY_DAMAGED = "download it again, or check that the path is the right one"
MAX_HEADER = 8 << 20  # bytes of safetensors' JSON; those of Wan 14B are 0.2 MB
LEGACY_PICKLES = 5  # magic number, protocol, system, content, keys of the storages
REMEDY_UNSAFE = "get the safetensors version, or the file from its original source"

MALFORMED = (  # what zipfile and torch's restricted unpickler raise, for too little memory as for damage
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
    MemoryError,
    OSError,
)


class Form(enum.Enum):
    """How a weights file is stored."""

    SAFETENSORS = "safetensors"
    ZIP = "zip"  # what torch.save writes since torch 1.6
    LEGACY = "legacy"  # what torch.save wrote before; cannot be mapped


def open_tensors(path: str | Path, prefix: str = "", *, weights: bool = True) -> dict[str, Tensor]:
    """Return the tensors of a weights file on the CPU, memory-mapped where the form allows it.

    What training frameworks put around them is taken off, and everything that is not a tensor left out.
    path: the file; of weights that are split over several files, one of them or their index.
    prefix: keep only the keys that begin with it, and strip it.
    weights: whether long runs of zeros are damage; False for data, which may hold them.
    The tensors of one call share one mapping: its touched pages stay resident until the last is dropped.
    Raises CheckpointError (no such file), DamagedCheckpoint, UnsafeCheckpoint (a pickle that asks for code,
    which is not run) or WrongCheckpoint (no tensor under the prefix).
    """
    path = Path(path)
    stored = _stored_in_all(shards_of(path), weights)
    names = plain_keys(stored)
    tensors = {
        names[key][len(prefix) :]: tensor for key, tensor in stored.items() if names[key].startswith(prefix)
    }
    if not tensors:
        under = f" under {prefix!r}" if prefix else ""
        raise WrongCheckpoint(f"{path} holds no tensors{under}: choose the weights file that belongs here.")
    return tensors


def _stored_in_all(shards: list[Path], weights: bool) -> dict[str, Tensor]:
    """Return the tensors of all parts; raises DamagedCheckpoint where two of them have the same one."""
    stored: dict[str, Tensor] = {}
    for shard in shards:
        found = _stored_in(shard, weights)
        if twice := sorted(found.keys() & stored.keys()):
            raise DamagedCheckpoint(
                f"{shard} holds {short(twice[0])}, which another part beside it holds too: download all "
                "parts of one version."
            )
        stored |= found
    return stored


def _stored_in(path: Path, weights: bool) -> dict[str, Tensor]:
    """Return the tensors of one file under the keys that it has for them."""
    form = file_form(path)
    stored = _read_safetensors(path) if form is Form.SAFETENSORS else _unpickle(path, mapped=form is Form.ZIP)
    tensors = {
        key: value.detach()
        for key, value in stored.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if weights:
        _require_no_holes(path, form, tensors)
    return tensors


def _require_no_holes(path: Path, form: Form, tensors: Mapping[str, Tensor]) -> None:
    if form is Form.LEGACY:
        require_no_holes_in(path, tensors)
    else:
        require_no_holes(path, (safetensors_regions if form is Form.SAFETENSORS else zip_regions)(path))


def tensor_groups(path: str | Path, max_bytes: int, prefix: str = "") -> Iterator[dict[str, Tensor]]:
    """Yield the tensors of `open_tensors` in file order, in groups of at most `max_bytes`.

    A larger tensor is a group of its own. Every group is mapped anew, so at most one group is resident if
    nothing of the one before is kept; copy what has to outlive its group. A legacy pickle cannot be mapped:
    it is in memory whole.
    """
    tensors: Mapping[str, Tensor] = open_tensors(path, prefix)
    groups = list(_grouped({key: tensor.nbytes for key, tensor in tensors.items()}, max_bytes))
    mapped = file_form(shards_of(Path(path))[0]) is not Form.LEGACY
    for keys in groups:
        if mapped:
            tensors = open_tensors(path, prefix)
        yield {key: tensors[key] for key in keys}


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the text metadata of a safetensors file, {} for any other form or where it has none."""
    path = shards_of(Path(path))[0]
    if file_form(path) is not Form.SAFETENSORS:
        return {}
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, MemoryError, OSError) as error:
        raise unreadable(path, error) from error


def file_form(path: Path) -> Form:
    """Tell the form of a weights file from its first bytes; raises CheckpointError or DamagedCheckpoint."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: name the weights file in it.")
    if may_block(path):
        raise CheckpointError(f"{path} is a pipe or device: name a weights file.")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened ({error.strerror}): check the path.") from error
    form = _form_of(head)
    if form is None:
        said = mistaken_for(head) or f"is neither a safetensors file nor a torch pickle: {REMEDY_DAMAGED}"
        raise DamagedCheckpoint(f"{path} {said}.")
    return form


def _form_of(head: bytes) -> Form | None:
    if head.startswith(b"PK\x03\x04"):
        return Form.ZIP
    if head[8:9] == b"{":  # eight bytes of length, then the JSON header
        return Form.SAFETENSORS
    if head.startswith(b"\x80"):
        return Form.LEGACY
    return None


def _grouped(sizes: Mapping[str, int], max_bytes: int) -> Iterator[list[str]]:
    group: list[str] = []
    room = max_bytes
    for key, size in sizes.items():
        if group and size > room:
            yield group
            group, room = [], max_bytes
        group.append(key)
        room -= size
    yield group


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, MemoryError, OSError) as error:
        raise unreadable(path, error) from error


def _check_header(path: Path) -> None:
    """Raise DamagedCheckpoint for a header that would take a hundred times its own size in memory."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER:
        raise DamagedCheckpoint(
            f"{path} has a header of {length:,} bytes, but {MAX_HEADER:,} are the most: {REMEDY_DAMAGED}."
        )


def _unpickle(path: Path, mapped: bool) -> Mapping[object, object]:
    try:
        (_check_zip if mapped else _check_legacy)(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        raise _unsafe(path, named and named[1]) from error
    except NotForTensors as error:
        raise _unsafe(path, str(error)) from error
    except TooLarge as error:
        raise UnsafeCheckpoint(f"{path} asks for {error}, so it was not read: {REMEDY_UNSAFE}.") from error
    except MALFORMED as error:
        raise unreadable(path, error) from error
    if isinstance(content, Mapping):
        return unpacked(content, path)
    raise WrongCheckpoint(
        f"{path} holds a {type(content).__name__} instead of named tensors: choose another weights file."
    )


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = _entries(path, archive)
        with archive.open(entries["data.pkl"]) as file:
            records = {name: entry.file_size for name, entry in entries.items()}
            check_pickle(read_bounded(file), path.stat().st_size, records)


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of an archive by their names without folders."""
    listed = archive.infolist()
    entries = {PurePosixPath(entry.filename).name: entry for entry in listed}
    if "constants.pkl" in entries:
        raise UnsafeCheckpoint(f"{path} is a TorchScript program, which was not run: {REMEDY_UNSAFE}.")
    if "data.pkl" not in entries:
        raise WrongCheckpoint(
            f"{path} is a zip archive without weights: unpack it, or choose the weights file."
        )
    # Of two entries with one name, which torch compares without case, it may read the one not checked here.
    if len({name.lower() for name in entries}) < len(listed):
        raise DamagedCheckpoint(f"{path} has several entries with the same name: {REMEDY_UNSAFE}.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in listed):
        raise DamagedCheckpoint(f"{path} was packed again by another program: {REMEDY_UNSAFE}.")  # unmappable
    return entries


def _check_legacy(path: Path) -> None:
    # Before 2.6, torch read the tar form of its first releases without the restriction to weights.
    if tarfile.is_tarfile(path):
        raise UnsafeCheckpoint(
            f"{path} is a pickle in a tar archive, which was not executed: {REMEDY_UNSAFE}."
        )
    size = path.stat().st_size
    with path.open("rb") as file:
        pickles = read_bounded(file)
    for _ in range(LEGACY_PICKLES):
        if not is_at_end(pickles):  # else torch says what is missing
            check_pickle(pickles, size)


def _unsafe(path: Path, wanted: str | None) -> UnsafeCheckpoint:
    named = f" ({short(wanted)})" if wanted else ""
    return UnsafeCheckpoint(
        f"{path} is a pickle that asks for more than tensors{named}, so it was refused and nothing in it was "
        f"executed: {REMEDY_UNSAFE}."
    )


def unreadable(path: Path, error: Exception) -> DamagedCheckpoint | OutOfMemory:
    """Return what to raise for an error of reading: a lack of memory says nothing about the file."""
    if is_out_of_memory(error):
        return OutOfMemory(f"There is too little memory to read {path}: close other programs.")
    return DamagedCheckpoint(f"{path} is truncated or damaged ({reason_of(error)}): {REMEDY_DAMAGED}.")
