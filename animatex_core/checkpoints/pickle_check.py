"""Check of a pickled checkpoint: what it would build, derived from its opcodes without building it.

torch's restricted unpickler runs no code, but a pickle of 500 bytes can make it allocate gigabytes: a
bytearray of any length, a tensor larger than its storage, a storage larger than the file. Here the same
opcodes create placeholders, which know their size and hold no data.
"""

import io
import math
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING  # the names of Python 2, which old protocols use
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, ClassVar

from .pickle_placeholders import (
    NotForTensors,
    PlaceholderObject,
    Storage,
    TooLarge,
    make_bytes,
    make_fields,
    make_set,
    require_plain_keys,
    require_size,
    torch_global,
)

MAX_PICKLE = 16 << 20  # bytes; the 2,100 tensors of the official checkpoint take 0.4 MB
MAX_READS = 3_000_000  # about two per opcode
MAX_DIMENSIONS = 64  # as in torch
MAX_COPIES = 4  # how often the tensors of a file may share its bytes
SMALL_FILE_BYTES = 1 << 20  # bytes, for small files
MAX_COPIED = 64 << 20  # bytes of all copies of text, lists and dictionaries that calls make
MEMBER_BYTES = 100  # bytes per member of a set or dictionary

# The opcodes of torch's restricted unpickler.
OPCODES = (
    *(pickle.GLOBAL, pickle.NEWOBJ, pickle.REDUCE, pickle.BUILD, pickle.APPEND, pickle.APPENDS, pickle.MARK),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.NONE, pickle.NEWFALSE),
    *(pickle.NEWTRUE, pickle.EMPTY_TUPLE, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.BINFLOAT, pickle.BINUNICODE, pickle.LONG1),
    *(pickle.SHORT_BINSTRING, pickle.BINPERSID, pickle.BINGET, pickle.LONG_BINGET, pickle.BINPUT),
    *(pickle.LONG_BINPUT, pickle.PROTO, pickle.STOP),
)
_BASE: dict[int, Any] = pickle._Unpickler.dispatch


def check_pickle(file: IO[bytes], total: int, records: Mapping[str, int] | None = None) -> None:
    """Check that a pickle requests no more than the tensors of its file.

    Args:
        file: Read up to the end of the pickle.
        total: The most bytes that the data of all tensors can have.
        records: Key -> bytes of each storage; None if the file does not list them (the legacy format).

    Raises:
        TooLarge: It requests more data than the file has.
        NotForTensors: It requests something that weights do not need.
        Exception: What `pickle` raises for a damaged pickle.

    """
    inspector = _Inspector(file, total, records)
    try:
        inspector.load()
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if inspector.strange is None:
            raise
        raise NotForTensors(inspector.strange) from error


def read_bounded(file: IO[bytes]) -> io.BytesIO:
    """Return the beginning of a file, in which a pickle of acceptable size must end."""
    return _Counted(file.read(MAX_PICKLE))


def is_at_end(file: io.BytesIO) -> bool:
    """Return whether nothing follows."""
    return file.tell() == file.getbuffer().nbytes


class _Counted(io.BytesIO):
    """Counts reads, and thereby opcodes: each can create an object a hundred times its own size."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        found = super().read(size)
        if self.reads > MAX_READS or (not found and size and self.tell() >= MAX_PICKLE):
            raise TooLarge("more objects than weights need")
        return found


class _Dispatch(dict[int, Any]):
    """The handlers of opcodes; those that torch does not support are refused."""

    def __missing__(self, code: int) -> Any:
        if code in _BASE:
            raise NotForTensors(f"opcode {code}")
        raise KeyError(code)


class _Inspector(pickle._Unpickler):  # the C version allocates its memo by the numbers in the file
    dispatch: ClassVar[dict[int, Any]] = _Dispatch({code[0]: _BASE[code[0]] for code in OPCODES})
    stack: list[Any]

    def __init__(self, file: IO[bytes], total: int, records: Mapping[str, int] | None) -> None:
        super().__init__(file, encoding="latin-1")
        self._total, self._records = total, records
        self._storages: dict[object, int] = {}
        self._claimed = self._copied = 0
        self.strange: str | None = None  # the first global that is unrelated to tensors

    def find_class(self, module: str, name: str) -> object:
        known: dict[str, object] = {
            "collections.OrderedDict": self._copying(make_fields),
            "collections.Counter": self._copying(make_fields),
            "builtins.set": self._copying(make_set),
            "builtins.complex": complex,
            "builtins.bytearray": self._copying(make_bytes),
            "_codecs.encode": self._copying(make_bytes),
            "torch.Size": self._copying(tuple),
            "torch.device": PlaceholderObject,
            "torch.Tensor": PlaceholderObject,
            "torch.nn.parameter.Parameter": PlaceholderObject,
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
            return torch_global(path)
        self.strange = self.strange or path  # torch refuses it, unless ComfyUI has allowed it
        return PlaceholderObject

    def persistent_load(self, pid: Any) -> Storage:
        _, kind, key, _, numel, *_ = pid
        storage = Storage(kind.item, require_size(numel) * kind.item)
        available = self._total if self._records is None else self._records.get(key, 0)
        self._storages[key] = max(storage.nbytes, self._storages.get(key, 0))
        if storage.nbytes > available or sum(self._storages.values()) > self._total:
            raise TooLarge(f"a storage of {storage.nbytes:,} bytes, which the file does not contain")
        return storage

    def _tensor(
        self, storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], *_: object
    ) -> PlaceholderObject:
        self._claim(storage, storage.item, offset, size, stride)
        return PlaceholderObject()

    def _typed_tensor(
        self, storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], *rest: Any
    ) -> PlaceholderObject:
        self._claim(storage, rest[2].itemsize, offset, size, stride)
        return PlaceholderObject()

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
            raise ValueError("a tensor of inconsistent dimensions")
        counts = [require_size(count) for count in size]
        steps = zip(counts, stride, strict=True)
        end = require_size(offset) + sum((count - 1) * require_size(step) for count, step in steps) + 1
        nbytes = math.prod(counts) * item
        self._claimed += nbytes
        if nbytes and max(nbytes, end * item) > storage.nbytes:
            raise TooLarge(f"a tensor larger than its storage of {storage.nbytes:,} bytes")
        if self._claimed > MAX_COPIES * self._total + SMALL_FILE_BYTES:
            raise TooLarge("tensors that share their bytes many times over")

    def _copying(self, make: Callable[..., object]) -> Callable[..., object]:
        """Wrap a function so that copies of its first argument count: a call takes two bytes of a file."""

        def counted(*values: Any) -> object:
            self._count_copy(values[0] if values else ())
            return make(*values)

        return counted

    def _count_copy(self, value: object) -> None:
        if isinstance(value, str | bytes | list | tuple | dict | set):
            self._copied += len(value) * (1 if isinstance(value, str | bytes) else MEMBER_BYTES)
        if self._copied > MAX_COPIED:
            raise TooLarge("many copies of its content")

    def _load_build(self) -> None:  # torch copies the state of dictionaries and tensors
        state = self.stack[-1]
        for part in state if isinstance(state, tuple) else (state,):
            self._count_copy(part)
        _BASE[pickle.BUILD[0]](self)

    def _load_setitem(self) -> None:
        require_plain_keys(self.stack[-2:-1])
        _BASE[pickle.SETITEM[0]](self)

    def _load_setitems(self) -> None:
        require_plain_keys(self.stack[::2])
        _BASE[pickle.SETITEMS[0]](self)

    dispatch[pickle.BUILD[0]] = _load_build
    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems


def _first(value: object, *_: object) -> object:
    return value
