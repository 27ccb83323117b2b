"""The fields of a protobuf message, as far as its sizes are read; onnxruntime does not give them out."""

import numpy as np

Fields = dict[int, list[memoryview]]
"""Number of a field -> its values in order: texts, messages and numbers, packed or not."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of fields; those of groups are in no ONNX file
WIDTHS = {FIXED64: 8, FIXED32: 4}
LONGEST = 10  # bytes of a whole number


def parse(message: bytes | memoryview) -> Fields:
    """Split a message into its fields; raises ValueError for what is none."""
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
    """Return the last text of a field, as parsers do; empty without one."""
    return bytes(fields[number][-1]) if fields.get(number) else b""


def integers(fields: Fields, number: int) -> list[int]:
    """Return the whole numbers of a field, packed or not, those of 64 bits with their sign."""
    found = []
    for packed in fields.get(number, []):
        at = 0
        while at < len(packed):
            value, at = _varint(packed, at)
            found.append(value - (1 << 64) if value >> 63 else value)
    return found


def numbers(fields: Fields, number: int, kind: str) -> np.ndarray:
    """Return the numbers of a field; kind: numpy's name of their type."""
    if "i" in kind:
        return np.array(integers(fields, number), np.int64)
    return np.frombuffer(b"".join(fields.get(number, [])), kind)


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(LONGEST):
        if at + index >= len(view):
            raise ValueError("it is cut off")
        byte = view[at + index]
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value & ((1 << 64) - 1), at + index + 1
    raise ValueError("a number of too many bytes")
