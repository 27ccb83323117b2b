"""Reading the files of `torch.save` without executing anything in them."""

import pickle
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import torch

from ..errors import DamagedCheckpoint, UnsafeCheckpoint, WrongCheckpoint
from ..utils.text import shorten_key
from .file_form import MALFORMED, unreadable
from .pickle_check import check_pickle, is_at_end, read_bounded
from .pickle_placeholders import NotForTensors, TooLarge

LEGACY_PICKLES = 5  # magic number, protocol, system, content, keys of the storages
REMEDY_UNSAFE = "get the safetensors version, or the file from its original source"


def read_pickle(path: Path, *, mapped: bool) -> Mapping[object, object]:
    """Return the mapping in a file of `torch.save`, on the CPU.

    Args:
        path: The file.
        mapped: Whether it is a zip archive, whose tensors are memory-mapped; else it is a legacy pickle.

    Returns:
        The unpickled mapping.

    Raises:
        UnsafeCheckpoint: The pickle requests more than tensors, or more memory than the file justifies.
        DamagedCheckpoint: The file is truncated or damaged.
        WrongCheckpoint: It does not contain a mapping.
        OutOfMemory: There is too little memory to read it.

    """
    try:
        (_check_zip if mapped else _check_legacy)(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        raise _unsafe(path, named and named[1]) from error
    except NotForTensors as error:
        raise _unsafe(path, str(error)) from error
    except TooLarge as error:
        raise UnsafeCheckpoint(f"{path} requests {error}, so it was not read: {REMEDY_UNSAFE}.") from error
    except MALFORMED as error:
        raise unreadable(path, error) from error
    if isinstance(content, Mapping):
        return content
    raise WrongCheckpoint(
        f"{path} contains a {type(content).__name__} instead of named tensors: choose another weights file."
    )


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = _entries(path, archive)
        with archive.open(entries["data.pkl"]) as file:
            records = {name: entry.file_size for name, entry in entries.items()}
            check_pickle(read_bounded(file), path.stat().st_size, records)


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of an archive by their names without directories."""
    listed = archive.infolist()
    entries = {PurePosixPath(entry.filename).name: entry for entry in listed}
    if "constants.pkl" in entries:
        raise UnsafeCheckpoint(f"{path} is a TorchScript program, which was not run: {REMEDY_UNSAFE}.")
    if "data.pkl" not in entries:
        raise WrongCheckpoint(
            f"{path} is a zip archive without weights: unpack it, or choose the weights file."
        )
    # torch compares names without case, so of two equal names it may read the one that is not checked here.
    if len({name.lower() for name in entries}) < len(listed):
        raise DamagedCheckpoint(f"{path} has several entries with the same name: {REMEDY_UNSAFE}.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in listed):  # cannot be memory-mapped
        raise DamagedCheckpoint(f"{path} was compressed by another program: {REMEDY_UNSAFE}.")
    return entries


def _check_legacy(path: Path) -> None:
    # Before version 2.6, torch read its first format, a tar archive, without the restriction to weights.
    if tarfile.is_tarfile(path):
        raise UnsafeCheckpoint(
            f"{path} is a pickle in a tar archive, which was not executed: {REMEDY_UNSAFE}."
        )
    size = path.stat().st_size
    with path.open("rb") as file:
        pickles = read_bounded(file)
    for _ in range(LEGACY_PICKLES):
        if not is_at_end(pickles):  # else torch reports what is missing
            check_pickle(pickles, size)


def _unsafe(path: Path, requested: str | None) -> UnsafeCheckpoint:
    named = f" ({shorten_key(requested)})" if requested else ""
    return UnsafeCheckpoint(
        f"{path} is a pickle that requests more than tensors{named}, so it was refused and nothing in it was "
        f"executed: {REMEDY_UNSAFE}."
    )
