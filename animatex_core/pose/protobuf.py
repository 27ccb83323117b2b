"""A minimal parser of protobuf messages, for files that must be checked before onnxruntime opens them."""

import numpy as np

Fields = dict[int, list[memoryview]]
"""Field number -> its values in order: strings, messages and numbers, packed or not."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; ONNX files have no groups
WIDTHS = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10


def parse(message: bytes | memoryview) -> Fields:
    """Split a protobuf message into its fields; raises ValueError if it is malformed."""
    fields: Fields = {}
    view, at = memoryview(message), 0
    while at < len(view):
        key, at = _varint(view, at)
        kind, begin = key & 7, at
        if kind == VARINT:
            _, at = _varint(view, at)
        elif kind == BYTES:
            length, begin = _varint(view, at)
            at = begin + length
        elif kind in WIDTHS:
            at += WIDTHS[kind]
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(view):
            raise ValueError("it is cut off")
        fields.setdefault(key >> 3, []).append(view[begin:at])
    return fields


def text(fields: Fields, number: int) -> bytes:
    """Return the last string of a field, as parsers do; empty if there is none."""
    return bytes(fields[number][-1]) if fields.get(number) else b""


def integers(fields: Fields, number: int) -> list[int]:
    """Return the integers of a field, packed or not; those of 64 bits are signed."""
    found = []
    for packed in fields.get(number, []):
        at = 0
        while at < len(packed):
            value, at = _varint(packed, at)
            found.append(value - (1 << 64) if value >> 63 else value)
    return found


def numbers(fields: Fields, number: int, kind: str) -> np.ndarray:
    """Return the numbers of a field; `kind` is their numpy dtype."""
    if "i" in kind:
        return np.array(integers(fields, number), np.int64)
    return np.frombuffer(b"".join(fields.get(number, [])), kind)


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(MAX_VARINT_BYTES):
        if at + index >= len(view):
            raise ValueError("it is cut off")
        byte = view[at + index]
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value & ((1 << 64) - 1), at + index + 1
    raise ValueError("a number of too many bytes")
