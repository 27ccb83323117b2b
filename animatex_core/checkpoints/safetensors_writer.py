"""Writing safetensors files one tensor at a time; the format's own library needs all of them in memory."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..utils.files import atomic_write

Layout = Mapping[str, tuple[tuple[int, ...], torch.dtype]]

DTYPE_NAMES = {
    torch.complex64: "C64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2: "F8_E5M2",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def tensor_layout(tensors: Mapping[str, Tensor]) -> Layout:
    """Return name -> (shape, dtype) of tensors, without reading their values."""
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def write_safetensors(
    path: str | Path, layout: Layout, tensors: Iterable[tuple[str, Tensor]], metadata: Mapping[str, str]
) -> None:
    """Write a safetensors file that has at most one tensor in memory at a time.

    Args:
        path: The file, which appears under this name only when complete.
        layout: Name -> (shape, dtype) of every tensor.
        tensors: Each of them once, in any order, on any device.
        metadata: Texts for the header.

    Raises:
        StorageError: It cannot be written.

    """
    spans = _spans(layout)
    header = _header(layout, spans, metadata)
    missing = set(layout)
    with atomic_write(path) as file:
        file.write(header)
        for name, tensor in tensors:
            assert (tuple(tensor.shape), tensor.dtype) == layout[name], name
            missing.remove(name)
            file.seek(len(header) + spans[name][0])
            file.write(_raw(tensor))
        assert not missing, missing


def _spans(layout: Layout) -> dict[str, tuple[int, int]]:
    # Wide dtypes first, as in the format's library, so that every tensor is aligned to its item size.
    spans, end = {}, 0
    for name in sorted(layout, key=lambda name: -layout[name][1].itemsize):
        shape, dtype = layout[name]
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        spans[name] = (begin, end)
    return spans


def _header(layout: Layout, spans: Mapping[str, tuple[int, int]], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, span in spans.items():
        shape, dtype = layout[name]
        entries[name] = {"dtype": DTYPE_NAMES[dtype], "shape": shape, "data_offsets": span}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _raw(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
