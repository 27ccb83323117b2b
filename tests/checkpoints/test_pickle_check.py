"""A pickle that requests too much memory is refused before any of it is allocated."""

import io
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from animatex_core.checkpoints import pickle_check
from animatex_core.checkpoints.safe_load import open_tensors
from animatex_core.errors import CheckpointError, DamagedCheckpoint, UnsafeCheckpoint
from tests.support.peak_memory import linux, measured

STORAGE = torch.ones(4).untyped_storage()
HUGE = 10**12
READ = ("animatex_core.checkpoints.safe_load", "open_tensors")


class Asks:
    """An object whose pickle calls a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.called = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.called


def typed() -> Any:
    return torch.storage.TypedStorage(wrap_storage=STORAGE, dtype=torch.float32, _internal=True)


def rebuilt(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> Asks:
    function = torch._utils._rebuild_tensor_v2
    return Asks(function, typed(), offset, size, stride, False, OrderedDict())


SHARED = torch.ones(1 << 16)
REQUESTS = {
    "bytearray": lambda: Asks(bytearray, 8 << 30),
    "stride 0": lambda: rebuilt((HUGE,), (0,)),
    "beyond the storage": lambda: rebuilt((HUGE,), (1,)),
    "offset": lambda: rebuilt((1,), (1,), HUGE),
    "many strides": lambda: rebuilt((4, 4), (1, 1)),
    "product": lambda: rebuilt((1 << 40,) * 60, (0,) * 60),
    "meta": lambda: Asks(torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (HUGE,), (1,), False),
    "sparse": lambda: Asks(
        torch._utils._rebuild_sparse_tensor,
        torch.sparse_coo,
        (torch.zeros(1, 0).long(), torch.zeros(0), (HUGE,)),
    ),
    "tensor of a size": lambda: Asks(torch.FloatTensor, HUGE),
    "storage of a size": lambda: Asks(torch.UntypedStorage, HUGE),
    "shared": lambda: [SHARED[:] for _ in range(99)],
}


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize("requested", REQUESTS)
def test_requests_beyond_the_content_of_the_file_are_refused(
    tmp_path: Path, form: str, requested: str
) -> None:
    content = {"w": torch.ones(2), "x": REQUESTS[requested]()}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(UnsafeCheckpoint, match=r"a\.pth (.* )?requests"):
        open_tensors(tmp_path / "a.pth")


COPIED: dict[str, tuple[bytes, ...]] = {
    "text": (
        b"c_codecs\nencode\nq\x00",
        b"X" + struct.pack("<I", 10**5) + b"a" * 10**5,
        b"X\x06\0\0\0latin1\x86",
    ),
    "list": (b"ctorch\nSize\nq\x00", b"](" + b"K\x01" * 10**5 + b"e", b"\x85"),
    "set": (b"cbuiltins\nset\nq\x00", b"](" + b"K\x01" * 10**5 + b"e", b"\x85"),
}


@linux
@pytest.mark.parametrize("copied", COPIED)
def test_copies_are_counted(tmp_path: Path, copied: str) -> None:
    """Each call of three bytes copies its argument anew."""
    function, value, arguments = COPIED[copied]
    calls = b"]q\x02(" + b"h\x00h\x01R" * 20_000 + b"e."
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + function + value + arguments + b"q\x01" + calls)
        archive.writestr("a/version", "3")
    call = measured(*READ, tmp_path / "a.pth")
    assert call.raised == "UnsafeCheckpoint"
    assert call.peak < 100 << 20


@linux
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_bytearray_of_gigabytes_takes_no_memory(tmp_path: Path, form: str) -> None:
    content = {"x": Asks(bytearray, 8 << 30)}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=form == "zip")
    call = measured(*READ, tmp_path / "a.pth")
    assert call.raised == "UnsafeCheckpoint"
    assert call.peak < 100 << 20


def bare(operations: bytes) -> bytes:
    """Return a legacy file that ends after its content."""
    head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join(head) + b"\x80\x02" + operations + b"."


OPERATIONS = {
    "objects": b"}" * (15 << 20),
    "beyond the limit": b"}" * (17 << 20),
    "memo": b"}r\xff\xff\xff\x7f",
    "lists": b"]q\x00" + b"(" + b"]" * (12 << 20) + b"e",
}


@linux
@pytest.mark.parametrize("operations", OPERATIONS)
def test_millions_of_objects_are_not_made(tmp_path: Path, operations: str) -> None:
    (tmp_path / "a.pth").write_bytes(bare(OPERATIONS[operations]))
    call = measured(*READ, tmp_path / "a.pth")
    assert call.raised in ("UnsafeCheckpoint", "DamagedCheckpoint", "WrongCheckpoint")
    assert call.peak < 600 << 20


def nested_key() -> bytes:
    """A dictionary with a tuple of tuples as its key, with 2^60 members in total."""
    twice = b"".join(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(60))
    return b"}K\x01\x85q\x00" + twice + b"K\x01s"


def test_a_name_that_takes_for_ever_to_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(bare(nested_key()))
    with pytest.raises(UnsafeCheckpoint, match="keys that are not text"):
        open_tensors(tmp_path / "a.pth")


def test_a_second_entry_with_the_name_of_the_first_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth", "a") as archive:
        archive.writestr("a/DATA.pkl", b"another")
    with pytest.raises(DamagedCheckpoint, match="same name"):
        open_tensors(tmp_path / "a.pth")


def test_a_storage_larger_than_its_entry_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(3)}, tmp_path / "a.pth")
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data.replace(b"K\x03t", b"K\x63t").replace(b"K\x03\x85", b"K\x63\x85"))
    with pytest.raises(CheckpointError, match=r"storage of 396 bytes|damaged"):
        open_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_what_checkpoints_hold_beside_weights_is_read_past(tmp_path: Path, form: str) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    tied = torch.ones(4, 4)
    wide = {"wide": torch.ones(3).to(torch.uint16)} if form == "zip" else {}
    state = {**wide, **module.state_dict(), "tied": tied, "twice": tied, "view": tied.t()[1:]}
    state = OrderedDict(state, none=torch.ones(0))
    content = {
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "milestones": Counter([3, 9]),
        "set": {1, 2},
        "bytes": bytearray(b"abc"),
        "size": torch.Size([2]),
        "type": torch.float16,
        "device": torch.device("cpu"),
        "parameter": torch.nn.Parameter(torch.ones(1)),
        "raw": b"\xff",
    }
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=form == "zip")
    found = open_tensors(tmp_path / "a.pth")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_the_count_of_operations_leaves_room_for_real_checkpoints() -> None:
    file = io.BytesIO()
    torch.save({f"a.long.name.of.a.layer.{n}.weight": torch.ones(1) for n in range(3000)}, file)
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        counted = pickle_check.read_bounded(io.BytesIO(archive.read(name)))
    records = {str(n): 4 for n in range(3000)}
    pickle_check.check_pickle(counted, 1 << 20, records)
    assert 10 * counted.reads < pickle_check.MAX_READS  # type: ignore[attr-defined]


def test_a_zip_that_lies_of_its_sizes_is_an_error_of_ours(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "a.pth")
    data = bytearray((tmp_path / "a.pth").read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(CheckpointError):
        open_tensors(tmp_path / "a.pth")
