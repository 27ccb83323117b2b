"""A file written one tensor at a time is readable by the format's own library, or does not appear."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from animatex_core.checkpoints.safetensors_writer import DTYPE_NAMES, tensor_layout, write_safetensors
from animatex_core.errors import StorageError
from animatex_core.utils.files import atomic_write, storage_errors
from tests.support.small_disk import mounted, remount

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
SPECS = st.lists(st.tuples(SHAPES, st.sampled_from(list(DTYPE_NAMES))), max_size=6)


def random_tensor(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Return a tensor of arbitrary bits, NaNs among them; bool has only 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.Size(shape).numel() * dtype.itemsize
    top = 2 if dtype == torch.bool else 256
    data = torch.randint(0, top, (size,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).reshape(shape)


def bits(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())


@settings(max_examples=80, deadline=None)
@given(specs=SPECS, order=st.randoms())
def test_every_shape_and_type_comes_back_bit_for_bit(tmp_path_factory, specs, order):
    tensors = {f"é.{index}": random_tensor(shape, dtype, index) for index, (shape, dtype) in enumerate(specs)}
    items = list(tensors.items())
    order.shuffle(items)
    path = tmp_path_factory.mktemp("written") / "a.safetensors"
    write_safetensors(path, tensor_layout(tensors), items, {"kind": "Ünïcode"})
    found = load_file(path)
    assert tensor_layout(found) == {name: tensor_layout(tensors)[name] for name in found}
    assert {name: bits(tensor) for name, tensor in found.items()} == {n: bits(t) for n, t in tensors.items()}


def test_the_bytes_are_those_of_the_library(tmp_path):
    tensors = {
        "a": torch.ones(3),
        "b": torch.ones(2, dtype=torch.float16),
        "c": torch.ones(3, dtype=torch.uint8),
    }
    shuffled = {name: tensors[name] for name in "cab"}
    save_file(tensors, tmp_path / "library", metadata={"made": "here"})
    write_safetensors(tmp_path / "ours", tensor_layout(shuffled), shuffled.items(), {"made": "here"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "library").read_bytes()


def test_metadata_is_readable_and_may_be_empty(tmp_path):
    for metadata in ({"kind": "denoiser", "quote": '"'}, {}):
        write_safetensors(tmp_path / "a", {}, [], metadata)
        with safe_open(tmp_path / "a", framework="pt") as file:
            assert (file.metadata() or {}) == metadata


def test_strided_and_trainable_tensors_are_written_by_value(tmp_path):
    tensor = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3)).t()
    write_safetensors(tmp_path / "a", tensor_layout({"w": tensor}), [("w", tensor)], {})
    assert torch.equal(load_file(tmp_path / "a")["w"], tensor.detach())


def breaking_off(error: BaseException) -> Iterator[tuple[str, torch.Tensor]]:
    yield "a", torch.ones(2)
    raise error


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [True, False])
def test_breaking_off_leaves_what_was_there(tmp_path, error, existing):
    target = tmp_path / "a.safetensors"
    if existing:
        target.write_text("the old file")
    with pytest.raises(type(error)):
        write_safetensors(target, {"a": ((2,), torch.float32)}, breaking_off(error), {})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old file"] * existing


@pytest.mark.parametrize(
    "tensors", [[], [("a", torch.ones(3))], [("a", torch.ones(2).half())], [("a", torch.ones(2))] * 2]
)
def test_tensors_that_are_not_the_layout_place_nothing(tmp_path, tensors):
    with pytest.raises((AssertionError, KeyError)):
        write_safetensors(tmp_path / "a", {"a": ((2,), torch.float32)}, tensors, {})
    assert not list(tmp_path.iterdir())


def test_folders_are_made(tmp_path):
    with atomic_write(tmp_path / "new" / "folder" / "a") as file:
        file.write(b"whole")
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == b"whole"


def test_a_file_in_place_of_the_folder_is_a_storage_error(tmp_path):
    (tmp_path / "folder").write_text("")
    with pytest.raises(StorageError, match=r"folder.* could not be written .*choose another directory"):
        write_safetensors(tmp_path / "folder" / "a", {}, [], {})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_storage_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="is writable"):
        write_safetensors(tmp_path / "a", {}, [], {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path, "size=1m"):
        yield tmp_path


@pytest.mark.parametrize("count", [300_000, 262_140])  # the second fails only when the last buffer is flushed
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(small_disk, count):
    (small_disk / "a").write_text("the old file")
    tensor = torch.ones(count)
    with pytest.raises(StorageError, match=r"a could not be written .*free some space"):
        write_safetensors(small_disk / "a", tensor_layout({"w": tensor}), [("w", tensor)], {})
    assert [path.read_text() for path in small_disk.iterdir()] == ["the old file"]


def test_a_read_only_disk_is_one_sentence(small_disk):
    remount(small_disk, "ro")
    with pytest.raises(StorageError, match=r"a could not be written .*is writable"):
        write_safetensors(small_disk / "a", {}, [], {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_found_at_closing_is_a_storage_error():
    fault = pytest.raises(StorageError, match="free some space")
    with fault, storage_errors(Path("a")), open("/dev/full", "wb") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "is writable")]
)
def test_the_remedy_fits_the_fault(number, remedy):
    with pytest.raises(StorageError, match=remedy), storage_errors(Path("a")):
        raise OSError(number, os.strerror(number))
