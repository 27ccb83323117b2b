"""What a pickle of weights would build, worked out from its opcodes before anything of it is built.

The restricted unpickler of torch runs no code, but a pickle of 500 bytes may ask it for gigabytes: a
bytearray of any length, a tensor larger than its storage, a storage larger than the file. Here the same
opcodes make placeholders, which know their size and hold nothing.
"""

import io
import math
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING  # Python 2's names, which the old protocols keep
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import torch

MAX_PICKLE = 16 << 20  # bytes; the release's 2,100 tensors take 0.4 MB
MAX_READS = 3_000_000  # about two an opcode
MAX_DIMENSIONS = 64  # as in torch
MAX_COPIES = 4  # how often the tensors of a file may share the bytes that it has
ALLOWANCE = 1 << 20  # bytes, for small files
MAX_COPIED = 64 << 20  # bytes of all copies that calls make of text, lists and dictionaries
MEMBER = 100  # bytes of a member of a set or dictionary

# The opcodes of torch's restricted unpickler.
OPCODES = (
    *(pickle.GLOBAL, pickle.NEWOBJ, pickle.REDUCE, pickle.BUILD, pickle.APPEND, pickle.APPENDS, pickle.MARK),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.NONE, pickle.NEWFALSE),
    *(pickle.NEWTRUE, pickle.EMPTY_TUPLE, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.BINFLOAT, pickle.BINUNICODE, pickle.LONG1),
    *(pickle.SHORT_BINSTRING, pickle.BINPERSID, pickle.BINGET, pickle.LONG_BINGET, pickle.BINPUT),
    *(pickle.LONG_BINPUT, pickle.PROTO, pickle.STOP),
)
ITEM_SIZES = {
    **dict.fromkeys(("UntypedStorage", "TypedStorage", "BoolStorage", "ByteStorage", "CharStorage"), 1),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}
KEYS = (str, int, float, bytes, type(None))  # nested tuples could take for ever to hash
_BASE: dict[int, Any] = pickle._Unpickler.dispatch


class TooLarge(Exception):
    """A pickle asks for more than its file can hold; the message says what, as a part of a sentence."""


class NotForTensors(Exception):
    """A pickle asks for something that no weights need; the message is its name."""


class Fields(dict[Any, Any]):
    """Stands for dictionaries of any kind, which may have attributes as well."""


class Opaque:
    """Stands for what has no size to speak of, and for what torch is left to refuse."""

    def __init__(self, *_: object) -> None:
        pass

    def __call__(self, *_: object) -> "Opaque":
        """Stand for the result too."""
        return self

    def __setstate__(self, state: object) -> None:
        pass


@dataclass(frozen=True)
class StorageType:
    """The class of a storage. item: bytes of one of its values."""

    item: int

    def __call__(self, *_: object) -> object:
        """Refuse to make a storage of any length."""
        raise NotForTensors("a storage without a file")


@dataclass(frozen=True)
class Storage:
    """Bytes that a file says it has."""

    item: int
    nbytes: int


def check_pickle(file: IO[bytes], total: int, records: Mapping[str, int] | None = None) -> None:
    """Raise TooLarge or NotForTensors where a pickle asks for more than the tensors of its file.

    file: read to the end of the pickle. total: bytes of all the tensors' data that there can be.
    records: key -> bytes of the storages; None where a file does not tell (the legacy form).
    Raises what `pickle` raises for damaged ones.
    """
    inspector = _Inspector(file, total, records)
    try:
        inspector.load()
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if inspector.strange is None:
            raise
        raise NotForTensors(inspector.strange) from error


def read_bounded(file: IO[bytes]) -> io.BytesIO:
    """Return the beginning of a file, in which a pickle of an acceptable size must end."""
    return _Counted(file.read(MAX_PICKLE))


def is_at_end(file: io.BytesIO) -> bool:
    """Whether nothing follows."""
    return file.tell() == file.getbuffer().nbytes


class _Counted(io.BytesIO):
    """Counts reads, and so opcodes: each may make an object of a hundred times its own size."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        found = super().read(size)
        if self.reads > MAX_READS or (not found and size and self.tell() >= MAX_PICKLE):
            raise TooLarge("more objects than any weights need")
        return found


class _Dispatch(dict[int, Any]):
    """What each opcode does; those of pickle that torch does not run either are refused."""

    def __missing__(self, code: int) -> Any:
        if code in _BASE:
            raise NotForTensors(f"opcode {code}")
        raise KeyError(code)


class _Inspector(pickle._Unpickler):  # the one in C sizes its memo as the file says
    dispatch: ClassVar[dict[int, Any]] = _Dispatch({code[0]: _BASE[code[0]] for code in OPCODES})
    stack: list[Any]

    def __init__(self, file: IO[bytes], total: int, records: Mapping[str, int] | None) -> None:
        super().__init__(file, encoding="latin-1")
        self._total, self._records = total, records
        self._storages: dict[object, int] = {}
        self._claimed = self._copied = 0
        self.strange: str | None = None  # the first name that has nothing to do with tensors

    def find_class(self, module: str, name: str) -> object:
        known: dict[str, object] = {
            "collections.OrderedDict": self._copying(_fields),
            "collections.Counter": self._copying(_fields),
            "builtins.set": self._copying(_members),
            "builtins.complex": complex,
            "builtins.bytearray": self._copying(_plain_bytes),
            "_codecs.encode": self._copying(_plain_bytes),
            "torch.Size": self._copying(tuple),
            "torch.device": Opaque,
            "torch.Tensor": Opaque,
            "torch.nn.parameter.Parameter": Opaque,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor_v3": self._typed_tensor,
            "torch._utils._rebuild_parameter": _first,
            "torch._utils._rebuild_parameter_with_state": self._parameter_with_state,
            "torch._tensor._rebuild_from_type_v2": self._rebuilt,
        }
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        path = f"{module}.{name}"
        if path in known:
            return known[path]
        if path.startswith("torch."):
            return _of_torch(path)
        self.strange = self.strange or path  # torch refuses it, unless the host allowed it
        return Opaque

    def persistent_load(self, pid: Any) -> Storage:
        _, kind, key, _, numel, *_ = pid
        storage = Storage(kind.item, _whole(numel) * kind.item)
        there = self._total if self._records is None else self._records.get(key, 0)
        self._storages[key] = max(storage.nbytes, self._storages.get(key, 0))
        if storage.nbytes > there or sum(self._storages.values()) > self._total:
            raise TooLarge(f"a storage of {storage.nbytes:,} bytes, which the file does not hold")
        return storage

    def _tensor(
        self, storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], *_: object
    ) -> Opaque:
        self._claim(storage, storage.item, offset, size, stride)
        return Opaque()

    def _typed_tensor(
        self, storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], *rest: Any
    ) -> Opaque:
        self._claim(storage, rest[2].itemsize, offset, size, stride)
        return Opaque()

    def _rebuilt(
        self, function: Callable[..., object], kind: object, values: Iterable[Any], state: object
    ) -> Any:
        for part in state if isinstance(state, tuple) else (state,):
            self._count_copy(part)
        if function not in (self._tensor, self._typed_tensor, self._parameter_with_state, _first):
            raise NotForTensors("torch._tensor._rebuild_from_type_v2")
        return function(*values)

    def _parameter_with_state(self, value: object, *rest: Any) -> object:
        self._count_copy(rest[-1] if rest else ())
        return value

    def _claim(
        self, storage: Storage, item: int, offset: int, size: Sequence[int], stride: Sequence[int]
    ) -> None:
        if not len(size) == len(stride) <= MAX_DIMENSIONS:
            raise ValueError("a tensor of odd dimensions")
        counts = [_whole(count) for count in size]
        steps = zip(counts, stride, strict=True)
        end = _whole(offset) + sum((count - 1) * _whole(step) for count, step in steps) + 1
        nbytes = math.prod(counts) * item
        self._claimed += nbytes
        if nbytes and max(nbytes, end * item) > storage.nbytes:
            raise TooLarge(f"a tensor larger than its storage of {storage.nbytes:,} bytes")
        if self._claimed > MAX_COPIES * self._total + ALLOWANCE:
            raise TooLarge("tensors that share their bytes many times over")

    def _copying(self, make: Callable[..., object]) -> Callable[..., object]:
        """Return a function whose copies of its first argument count: one call takes two bytes of a file."""

        def counted(*values: Any) -> object:
            self._count_copy(values[0] if values else ())
            return make(*values)

        return counted

    def _count_copy(self, value: object) -> None:
        if isinstance(value, str | bytes | list | tuple | dict | set):
            self._copied += len(value) * (1 if isinstance(value, str | bytes) else MEMBER)
        if self._copied > MAX_COPIED:
            raise TooLarge("many copies of what it contains")

    def _load_build(self) -> None:  # torch copies the state of dictionaries and of tensors
        state = self.stack[-1]
        for part in state if isinstance(state, tuple) else (state,):
            self._count_copy(part)
        _BASE[pickle.BUILD[0]](self)

    def _load_setitem(self) -> None:
        _require_keys(self.stack[-2:-1])
        _BASE[pickle.SETITEM[0]](self)

    def _load_setitems(self) -> None:
        _require_keys(self.stack[::2])
        _BASE[pickle.SETITEMS[0]](self)

    dispatch[pickle.BUILD[0]] = _load_build
    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems


def _of_torch(path: str) -> object:
    """Return a placeholder of a storage's class, or a type; other functions of torch may allocate."""
    name = path.removeprefix("torch.").removeprefix("cuda.").removeprefix("storage.")
    if name.endswith("Storage"):
        return StorageType(_item_size(name))
    if isinstance(getattr(torch, name, None), torch.dtype):
        return getattr(torch, name)
    raise NotForTensors(path)


def _item_size(name: str) -> int:
    if name not in ITEM_SIZES:
        raise NotForTensors(f"torch.{name}")
    return ITEM_SIZES[name]


def _fields(*pairs: Any) -> Fields:
    items = list(pairs[0].items() if isinstance(pairs[0], dict) else pairs[0]) if pairs else []
    _require_keys([key for key, _ in items])
    return Fields(items)


def _members(values: Sequence[Any] = ()) -> set[Any]:
    _require_keys(values)
    return set(values)


def _plain_bytes(value: Any = b"", encoding: str = "latin1") -> bytes:
    """What `bytearray` and `_codecs.encode` are called with in pickles of bytes; a number is a length."""
    if isinstance(value, str) and encoding in ("latin1", "latin-1"):
        return value.encode("latin-1")
    if not isinstance(value, bytes):
        raise TooLarge("bytes that it does not contain")
    return value


def _first(value: object, *_: object) -> object:
    return value


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("a size that is no whole number")
    return value


def _require_keys(keys: Iterable[object]) -> None:
    if not all(isinstance(key, KEYS) for key in keys):
        raise NotForTensors("names that are no text")
