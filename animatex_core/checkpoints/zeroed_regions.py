"""Detection of zeros in place of weights, which an unfinished download leaves if it reserved the space.

The file is sampled and not memory-mapped, so that nothing of it stays in memory.
"""

import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ..errors import DamagedCheckpoint
from ..utils.text import shorten_key

SAMPLES = 64
"""Positions in a file that are sampled."""

PAGE = 4096
"""Bytes that are read at each position."""

MIN_HOLE = 64 << 10
"""Bytes of zeros inside a tensor that cannot be values."""

MIN_ZERO_TAIL = 64
"""Bytes of zeros at the end of a tensor that can be values."""

UNUSED_ROWS = 1 / 8
"""The share of a table that may be zeros at its end, as unused rows."""

UNTRAINED = 1 / 10
"""The share of a file that zero tensors at its end may take, as before training."""

LOCAL_HEADER = 30
"""Bytes before the name of an entry in a zip archive; the last four are the lengths of name and extra."""


@dataclass(frozen=True)
class Region:
    """The position of a tensor in a file, or of several tensors that share values.

    Attributes:
        name: Of the tensor or storage.
        start: The position of its first byte.
        size: Its bytes.

    """

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The position after its last byte."""
        return self.start + self.size


def check_zeroed_file(path: Path, regions: Sequence[Region]) -> None:
    """Check a file for zeros at its end or inside it.

    Args:
        path: The file.
        regions: The positions of its tensors.

    Raises:
        DamagedCheckpoint: There are zeros that cannot be weights.

    """
    ordered = sorted((region for region in regions if region.size), key=lambda region: region.start)
    with path.open("rb") as file:
        faulty = _tail(file, ordered) or _middle(file, ordered)
    if faulty is not None:
        raise _damaged(path, faulty)


def check_zeroed_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Do the same as `require_no_holes` for tensors in memory whose positions in the file are unknown."""
    for name, tensor in tensors.items():
        if tensor.nbytes > MIN_HOLE:
            data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            if _middle(io.BytesIO(data), [Region(name, 0, tensor.nbytes)]) is not None:
                raise _damaged(path, name)


def _damaged(path: Path, name: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(
        f"{path} contains zeros where weights should be (first in {shorten_key(name)}): the download or the copy "
        "did not finish, so download it again."
    )


def safetensors_regions(path: Path) -> list[Region]:
    """Return the positions of the tensors in a safetensors file with a valid header."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    spans = ((name, entry["data_offsets"]) for name, entry in header.items())
    return [Region(name, 8 + length + begin, end - begin) for name, (begin, end) in spans]


def zip_regions(path: Path) -> list[Region]:
    """Return the positions of the storages in a valid, uncompressed zip archive of `torch.save`."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = [entry for entry in archive.infolist() if "/data/" in f"/{entry.filename}"]
        return [
            Region(entry.filename, _data_offset(file, entry.header_offset), entry.file_size)
            for entry in entries
        ]


def _data_offset(file: BinaryIO, header: int) -> int:
    file.seek(header)
    name, rest = struct.unpack("<HH", file.read(LOCAL_HEADER)[-4:])
    return header + LOCAL_HEADER + int(name) + int(rest)


def _tail(file: BinaryIO, regions: Sequence[Region]) -> str | None:
    """Return the tensor from which on a file is zeros, None if it is complete."""
    whole, last = 0, None
    for region in reversed(regions):
        zeros = _zeros_before(file, region.start, region.end)
        if zeros < region.size:
            last = region
            break
        whole += region.size
    if last is None:
        return None
    cut_inside = zeros >= MIN_ZERO_TAIL and whole >= PAGE
    cut_between = zeros < MIN_ZERO_TAIL and whole > UNTRAINED * sum(region.size for region in regions)
    return last.name if cut_inside or cut_between or zeros > max(PAGE, UNUSED_ROWS * last.size) else None


def _middle(file: BinaryIO, regions: Sequence[Region]) -> str | None:
    """Return a tensor with a hole, None if none is found."""
    return next((region.name for region, place in _places(regions) if _is_hole(file, region, place)), None)


def _places(regions: Sequence[Region]) -> Iterator[tuple[Region, int]]:
    """Yield evenly spaced positions in a file, each with the region around it."""
    total, done, wanted = sum(region.size for region in regions), 0, 0
    for region in regions:
        while wanted < SAMPLES and wanted * total // SAMPLES < done + region.size:
            yield region, region.start + wanted * total // SAMPLES - done
            wanted += 1
        done += region.size


def _is_hole(file: BinaryIO, region: Region, place: int) -> bool:
    """Return whether a position is in zeros that are neither a whole tensor nor unused rows at its end."""
    if any(_read(file, place, min(place + PAGE, region.end))):
        return False
    before, after = _zeros_before(file, region.start, place), _zeros_after(file, place, region.end)
    if before + after == region.size:
        return False
    allowed = max(MIN_HOLE, UNUSED_ROWS * region.size) if place + after == region.end else MIN_HOLE
    return before + after > allowed


def _zeros_before(file: BinaryIO, start: int, end: int) -> int:
    """Return the number of zero bytes before `end`, back to `start` at most."""
    for stop in range(end, start, -MIN_HOLE):
        data = _read(file, max(stop - MIN_HOLE, start), stop)
        if rest := data.rstrip(b"\0"):
            return end - stop + len(data) - len(rest)
    return end - start


def _zeros_after(file: BinaryIO, start: int, end: int) -> int:
    """Return the number of zero bytes after `start`, up to `end` at most."""
    for begin in range(start, end, MIN_HOLE):
        data = _read(file, begin, min(begin + MIN_HOLE, end))
        if rest := data.lstrip(b"\0"):
            return begin - start + len(data) - len(rest)
    return end - start


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
