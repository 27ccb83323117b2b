"""Placeholders that stand for the objects of a pickled checkpoint: they know their size and hold no data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

ITEM_SIZES = {
    **dict.fromkeys(("UntypedStorage", "TypedStorage", "BoolStorage", "ByteStorage", "CharStorage"), 1),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}
"""Bytes per value, by the name of the storage class."""

KEYS = (str, int, float, bytes, type(None))  # nested tuples could take forever to hash


class TooLarge(Exception):
    """A pickle requests more than its file can contain; the message says what, as part of a sentence."""


class NotForTensors(Exception):
    """A pickle requests something that weights do not need; the message is its name."""


class PlaceholderDict(dict[Any, Any]):
    """Stands for any kind of dictionary, which may have attributes too."""


class PlaceholderObject:
    """Stands for objects of negligible size, and for those that torch itself refuses."""

    def __init__(self, *_: object) -> None:
        pass

    def __call__(self, *_: object) -> "PlaceholderObject":
        """Stand for the result too."""
        return self

    def __setstate__(self, state: object) -> None:
        pass


@dataclass(frozen=True)
class StorageType:
    """Stands for the class of a storage.

    Attributes:
        item: Bytes per value.

    """

    item: int

    def __call__(self, *_: object) -> object:
        """Refuse to create a storage of arbitrary length."""
        raise NotForTensors("a storage without a file")


@dataclass(frozen=True)
class Storage:
    """Stands for a storage.

    Attributes:
        item: Bytes per value.
        nbytes: Bytes of all values.

    """

    item: int
    nbytes: int


def torch_global(path: str) -> object:
    """Return the placeholder of a torch storage class, or a dtype.

    Args:
        path: The full name, such as "torch.FloatStorage".

    Returns:
        A StorageType or a dtype.

    Raises:
        NotForTensors: It is something else: other functions of torch may allocate memory.

    """
    name = path.removeprefix("torch.").removeprefix("cuda.").removeprefix("storage.")
    if name.endswith("Storage"):
        if name not in ITEM_SIZES:
            raise NotForTensors(f"torch.{name}")
        return StorageType(ITEM_SIZES[name])
    if isinstance(getattr(torch, name, None), torch.dtype):
        return getattr(torch, name)
    raise NotForTensors(path)


def make_fields(*pairs: Any) -> PlaceholderDict:
    """Create a dictionary; raises NotForTensors for keys that are not plain values."""
    items = list(pairs[0].items() if isinstance(pairs[0], dict) else pairs[0]) if pairs else []
    require_plain_keys([key for key, _ in items])
    return PlaceholderDict(items)


def make_set(values: Sequence[Any] = ()) -> set[Any]:
    """Create a set; raises NotForTensors for members that are not plain values."""
    require_plain_keys(values)
    return set(values)


def make_bytes(value: Any = b"", encoding: str = "latin1") -> bytes:
    """Stand for `bytearray` and `_codecs.encode` as pickled bytes call them; a number would be a length."""
    if isinstance(value, str) and encoding in ("latin1", "latin-1"):
        return value.encode("latin-1")
    if not isinstance(value, bytes):
        raise TooLarge("bytes that it does not contain")
    return value


def require_plain_keys(keys: Iterable[object]) -> None:
    """Raise NotForTensors for keys that are not plain values."""
    if not all(isinstance(key, KEYS) for key in keys):
        raise NotForTensors("keys that are not text")


def require_size(value: object) -> int:
    """Return a size or an offset; raises ValueError for anything else."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("a size that is not a whole number")
    return value
