"""Faults of a checkpoint or a target are reported before anything is written."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.animate_x.conversion import convert_denoiser
from animatex_core.checkpoints.file_form import unreadable
from animatex_core.checkpoints.validation import check_archive, check_dense_floats
from animatex_core.errors import (
    DamagedCheckpoint,
    InvalidInput,
    OutOfMemory,
    StorageError,
    WrongCheckpoint,
)
from animatex_core.utils.devices import reraise_oom
from animatex_core.utils.files import atomic_write
from animatex_core.utils.text import shorten_key
from tests.animate_x.test_checkpoint import CONTEXT, TINY, released_tensors


@pytest.fixture
def released(tmp_path: Path) -> Path:
    torch.save(released_tensors(), tmp_path / "released.pth")
    return tmp_path / "released.pth"


def test_the_source_is_never_the_target(released):
    before = released.read_bytes()
    with pytest.raises(InvalidInput, match="another name"):
        convert_denoiser(released, released.parent / "." / released.name, CONTEXT, config=TINY)
    assert released.read_bytes() == before


def test_an_unrelated_part_stays_and_two_writers_share_none(tmp_path):
    (tmp_path / "a.part").write_text("precious")
    with atomic_write(tmp_path / "a") as first, atomic_write(tmp_path / "a") as second:
        first.write(b"1")
        second.write(b"2")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "1", "a.part": "precious"}


@pytest.mark.parametrize("target", ["", ".", "folder"])
def test_a_directory_is_not_a_target(released, monkeypatch, target):
    monkeypatch.chdir(released.parent)
    Path("folder").mkdir()
    with pytest.raises(StorageError, match="is a directory"):
        convert_denoiser(released, target, CONTEXT, config=TINY)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_source_that_is_not_finite_is_damaged(tmp_path, value):
    torch.save({**released_tensors(), "out.2.bias": torch.full((4,), value)}, tmp_path / "a.pth")
    with pytest.raises(WrongCheckpoint, match=r"a\.pth is damaged"):
        convert_denoiser(tmp_path / "a.pth", tmp_path / "b", CONTEXT, config=TINY)
    assert not list(tmp_path.glob("b*"))


@pytest.mark.parametrize(("value", "message"), [(float("nan"), "damaged"), (1e6, "bfloat16")])
def test_an_unsound_context_is_refused(released, value, message):
    with pytest.raises(WrongCheckpoint, match=message):
        convert_denoiser(released, released.with_name("b"), torch.full_like(CONTEXT, value), config=TINY)


def test_float8_is_not_a_target(released):
    with pytest.raises(InvalidInput, match="use float16"):
        convert_denoiser(released, released.with_name("b"), CONTEXT, torch.float8_e4m3fn, TINY)


def test_a_flipped_bit_in_an_archive_is_found(released):
    data = bytearray(released.read_bytes())
    data[len(data) // 2] ^= 1
    released.write_bytes(data)
    with pytest.raises(DamagedCheckpoint, match=r"released\.pth"):
        check_archive(released)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, dtype=torch.int64),
        torch.ones(2, 2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(1) * 1j,
    ],
)
def test_tensors_that_cannot_be_weights_are_refused(tensor):
    with pytest.raises(WrongCheckpoint, match="contains w as"):
        check_dense_floats({"w": tensor}, "a.pth")


BROKEN = {"channels": "x", "norm_groups": 0, "stem_heads": 0, "residual_blocks": None}


@pytest.mark.parametrize("config", [None, "{", "[]", *BROKEN])
def test_a_bundle_of_unusable_configuration_is_the_wrong_file(tmp_path, config):
    if config in BROKEN:
        config = json.dumps({**TINY.to_dict(), config: BROKEN[config]})
    metadata = {"format": "animatex-denoiser"} | ({} if config is None else {"config": config})
    save_file({"w": torch.ones(1)}, tmp_path / "b.safetensors", metadata)
    with pytest.raises(WrongCheckpoint, match=r"b\.safetensors"):
        read_denoiser(tmp_path / "b.safetensors")


@pytest.mark.parametrize("context", [CONTEXT[:, :2].clone(), CONTEXT * float("nan")])
def test_a_bundle_with_a_damaged_context_is_named(released, context):
    bundle = released.with_name("b.safetensors")
    convert_denoiser(released, bundle, CONTEXT, config=TINY)
    metadata = {"format": "animatex-denoiser", "config": json.dumps(TINY.to_dict())}
    save_file({**load_file(bundle), "text_context": context}, bundle, metadata)
    with pytest.raises(WrongCheckpoint, match=r"b\.safetensors has a damaged text_context"):
        read_denoiser(bundle)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(12, "Cannot allocate memory"), RuntimeError("MPS backend Out Of Memory")],
)
def test_too_little_memory_is_not_damage(error):
    assert isinstance(unreadable(Path("a"), error), OutOfMemory)
    with pytest.raises(OutOfMemory, match="lower it"), reraise_oom("lower it"):
        raise error


def test_foreign_text_is_cut():
    assert "Second" not in str(unreadable(Path("a"), RuntimeError("First thing. Second thing.\nThird")))
    assert shorten_key("a\nb") == "'a\\nb'"
    assert len(shorten_key("k" * 500)) == 80
