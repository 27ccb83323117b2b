"""Weights files are memory-mapped, and no pickle in them is ever executed."""

import contextlib
import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from animatex_core.checkpoints.safe_load import MAX_HEADER, open_tensors, read_metadata, tensor_groups
from animatex_core.errors import CheckpointError, DamagedCheckpoint, UnsafeCheckpoint, WrongCheckpoint

TENSORS = {
    "net.weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "net.half": torch.arange(5).half(),
    "net.brain": torch.arange(6).bfloat16().reshape(2, 3),
    "step": torch.tensor(7),
}
FORMS = ["safetensors", "zip", "legacy"]


def save(path: Path, content: object, form: str) -> Path:
    if form == "safetensors":
        assert isinstance(content, dict)
        save_file(content, path, metadata={"made": "here"})
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype
        assert torch.equal(found[key], tensor)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.pth", "a.ckpt", "a.safetensors", "no suffix"])
def test_every_form_reads_back_whatever_its_name(tmp_path, form, name):
    assert_same(open_tensors(save(tmp_path / name, TENSORS, form)), TENSORS)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_the_wrapper_is_taken_off_and_only_tensors_stay(tmp_path, form):
    content = {"state_dict": TENSORS | {"note": "text", "rate": 0.5}, "step": 3}
    assert_same(open_tensors(save(tmp_path / "a.pth", content, form)), TENSORS)


def test_parameters_come_as_plain_tensors(tmp_path):
    save(tmp_path / "a.pth", {"w": torch.nn.Parameter(torch.ones(2))}, "zip")
    assert not open_tensors(tmp_path / "a.pth")["w"].requires_grad


@pytest.mark.parametrize("form", FORMS)
def test_a_prefix_selects_and_is_stripped(tmp_path, form):
    path = save(tmp_path / "a.bin", TENSORS, form)
    assert set(open_tensors(path, "net.")) == {"weight", "half", "brain"}
    with pytest.raises(WrongCheckpoint, match="first_stage_model"):
        open_tensors(path, "first_stage_model.")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("max_bytes", "sizes"), [(1, [1] * 4), (24, [2, 2]), (47, [3, 1]), (48, [4])])
def test_groups_cover_the_file_in_order(tmp_path, form, max_bytes, sizes):
    tensors = {f"t{index}": torch.full((3,), float(index)) for index in range(4)}  # of 12 bytes
    path = save(tmp_path / "a.pth", tensors, form)
    groups = list(tensor_groups(path, max_bytes))
    assert_same({key: value for group in groups for key, value in group.items()}, tensors)
    assert [len(group) for group in groups] == sizes


PEAK = """
import re, sys
from pathlib import Path
from animatex_core.checkpoints.safe_load import open_tensors, tensor_groups

def peak():
    # not getrusage, whose peak a process inherits from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def touch(tensors):
    return [tensor.sum() for tensor in tensors.values()]

paths = sys.argv[1:]
touch({"first": next(iter(open_tensors(paths[0]).values()))})
start = peak()
for path in paths:
    for group in tensor_groups(path, 1):
        touch(group)
grouped = peak()
touch(open_tensors(paths[0]))
print(grouped - start, peak() - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_groups_keep_one_group_in_memory(tmp_path):
    tensors = {f"t{index}": torch.ones(2_000_000) for index in range(16)}
    paths = [save(tmp_path / form, tensors, form) for form in ("safetensors", "zip")]
    run = subprocess.run([sys.executable, "-c", PEAK, *paths], capture_output=True, text=True, check=True)
    grouped, whole = map(int, run.stdout.split())
    assert grouped < whole / 2


class Payload:
    """Its unpickling creates a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (f"open({str(self.trace)!r}, 'w').close()",)


def save_tar(path: Path, payload: Payload) -> None:
    """Write the tar form of the first torch releases, its first name chosen to look like a pickle."""
    data = pickle.dumps(payload, protocol=2)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        for name in ("\x80\x02", "storages", "tensors", "pickle"):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


ATTACKS = {
    "zip": lambda path, payload: torch.save({"w": torch.ones(1), "x": payload}, path),
    "legacy": lambda path, payload: torch.save(payload, path, _use_new_zipfile_serialization=False),
    "bare pickle": lambda path, payload: path.write_bytes(pickle.dumps(payload, protocol=2)),
    "tar": save_tar,
}


@pytest.mark.parametrize("form", ATTACKS)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_pickle_that_asks_for_code_is_refused_and_not_run(tmp_path, form, name):
    trace = tmp_path / "the code ran"
    ATTACKS[form](tmp_path / name, Payload(trace))
    with pytest.raises(UnsafeCheckpoint, match=r"not executed|nothing in it was executed"):
        open_tensors(tmp_path / name)
    assert not trace.exists()


def test_the_payload_of_these_tests_is_a_real_one(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


def test_the_refusal_names_the_request_and_the_remedy(tmp_path):
    torch.save({"w": torch.ones(1), "args": Path("harmless, but no tensor")}, tmp_path / "a.ckpt")
    with pytest.raises(UnsafeCheckpoint, match=r"a\.ckpt .*pathlib.* safetensors version"):
        open_tensors(tmp_path / "a.ckpt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_program_is_refused(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "a.pt")
    with pytest.raises(UnsafeCheckpoint, match="TorchScript"):
        open_tensors(tmp_path / "a.pt")


def damage(path: Path, form: str, how: str) -> Path:
    data = save(path, TENSORS, form).read_bytes()
    path.write_bytes({"half": data[: len(data) // 2], "a few bytes": data[:-5], "head": data[:40]}[how])
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["half", "a few bytes", "head"])
def test_a_truncated_file_is_named(tmp_path, form, how):
    with pytest.raises((DamagedCheckpoint, UnsafeCheckpoint), match=r"a\.pth .*: (download it again|get )"):
        open_tensors(damage(tmp_path / "a.pth", form, how))


@pytest.mark.parametrize("data", [b"", b"x", b"<!DOCTYPE html>", bytes(range(256)), b"version {9}"])
def test_other_files_are_reported_as_damaged(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(DamagedCheckpoint, match=r"a\.safetensors .*download it again"):
        open_tensors(tmp_path / "a.safetensors")


def test_a_damaged_safetensors_header_is_named(tmp_path):
    path = save(tmp_path / "a.safetensors", TENSORS, "safetensors")
    path.write_bytes(path.read_bytes().replace(b"dtype", b"dty\x00e"))
    for read in (open_tensors, read_metadata):
        with pytest.raises(DamagedCheckpoint, match="header"):
            read(path)


@pytest.mark.parametrize("content", [[torch.ones(1)], torch.ones(1), {}, {"a": 1}, {"state_dict": {}}])
def test_a_pickle_without_named_tensors_is_the_wrong_file(tmp_path, content):
    with pytest.raises(WrongCheckpoint, match=r"a\.pth"):
        open_tensors(save(tmp_path / "a.pth", content, "zip"))


@pytest.mark.parametrize("name", ["missing.pth", "."])
def test_a_path_without_a_file_is_named(tmp_path, name):
    with pytest.raises(CheckpointError, match=r"check the path|is a directory"):
        open_tensors(tmp_path / name)


def test_other_archives_are_distinguished_from_weights(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "weights inside, honest")
    with pytest.raises(WrongCheckpoint, match="zip archive"):
        open_tensors(tmp_path / "a.zip")


def test_a_repacked_archive_is_refused_rather_than_misread(tmp_path):
    save(tmp_path / "a.pth", TENSORS, "zip")
    with zipfile.ZipFile(tmp_path / "a.pth") as stored, zipfile.ZipFile(tmp_path / "b.pth", "w", 8) as packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    with pytest.raises(DamagedCheckpoint, match="compressed by another program"):
        open_tensors(tmp_path / "b.pth")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(st.integers(0, 10**6), st.integers(0, 255), min_size=1, max_size=4))
def test_changed_bytes_never_cause_another_error(tmp_path_factory, form, changes):
    path = save(tmp_path_factory.mktemp("fuzz") / "a.pth", TENSORS, form)
    data = bytearray(path.read_bytes())
    for position, value in changes.items():
        data[position % len(data)] = value
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        assert len(open_tensors(path)) <= len(TENSORS)


def test_metadata_is_read_and_empty_for_pickles(tmp_path):
    assert read_metadata(save(tmp_path / "a", TENSORS, "safetensors")) == {"made": "here"}
    assert read_metadata(save(tmp_path / "b", TENSORS, "zip")) == {}


@pytest.mark.parametrize("read", [open_tensors, read_metadata])
@pytest.mark.parametrize("length", [MAX_HEADER + 1, 10**8, 2**63])
def test_a_header_beyond_all_need_is_refused(tmp_path, read, length):
    (tmp_path / "a.safetensors").write_bytes(length.to_bytes(8, "little") + b"{" + b" " * 1000)
    with pytest.raises(DamagedCheckpoint, match="header of"):
        read(tmp_path / "a.safetensors")
