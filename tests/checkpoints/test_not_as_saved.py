"""Unusual weights files: wrapped, split, incomplete, or something else entirely."""

import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from animatex_core.animate_x.checkpoint import load_denoiser, read_denoiser
from animatex_core.animate_x.conversion import convert_denoiser
from animatex_core.checkpoints.safe_load import open_tensors, read_metadata, tensor_groups
from animatex_core.errors import AnimateXWarning, CheckpointError, DamagedCheckpoint
from animatex_core.hub.bundled import BUNDLED_MODELS
from tests.animate_x.test_checkpoint import CONTEXT, TINY, released_tensors

RANDOM = torch.Generator().manual_seed(0)
REAL = {f"layer.{index:02}.weight": torch.randn(64, 300, generator=RANDOM) for index in range(40)}


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    same = (torch.equal(found[key], tensor) for key, tensor in expected.items())
    return found.keys() == expected.keys() and all(same)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_tensors(path)
    return str(caught.value)


def half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor / 2 for key, tensor in tensors.items()}


# What frameworks put around weights


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda x: {f"module.{key}": each for key, each in x.items()},
        lambda x: {f"_orig_mod.{key}": each for key, each in x.items()},
        lambda x: {f"module._orig_mod.{key}": each for key, each in x.items()},
        lambda x: {key.replace("layer.", "layer._orig_mod."): each for key, each in x.items()},
        lambda x: {"state_dict": x, "epoch": 3},
        lambda x: {"model": {"state_dict": x}},
        lambda x: {"my_network": x, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}},
        lambda x: {"state_dict": x, "ema": {"decay": torch.tensor(0.99), "shadow_params": [torch.ones(3)]}},
        lambda x: {"model": half(x), "ema": {"decay": torch.tensor(0.99), "shadow": x}},
        lambda x: {"g": half(x), "g_ema": x},
        lambda x: {"module": {f"module.{key}": each for key, each in x.items()}, "step": 1},
    ],
)
def test_wrapped_weights_have_their_own_keys(tmp_path: Path, wrapped: Callable[[Any], Any]) -> None:
    torch.save(wrapped(REAL), tmp_path / "a.pth")
    assert equal(open_tensors(tmp_path / "a.pth"), REAL)


@pytest.mark.parametrize("raw", ["state_dict", "model", "net"])
@pytest.mark.parametrize("averaged", ["ema", "model_ema", "params_ema", "ema_state_dict"])
def test_averaged_weights_are_taken_and_named(tmp_path: Path, raw: str, averaged: str) -> None:
    torch.save({raw: half(REAL), averaged: REAL}, tmp_path / "a.pth")
    with pytest.warns(AnimateXWarning, match=rf"several sets.*{averaged!r} is used"):
        assert equal(open_tensors(tmp_path / "a.pth"), REAL)


def test_a_group_has_the_same_keys(tmp_path: Path) -> None:
    save_file({f"module.{key}": each for key, each in REAL.items()}, tmp_path / "a.safetensors")
    groups = list(tensor_groups(tmp_path / "a.safetensors", 1 << 18))
    assert len(groups) > 1
    assert equal({key: x for group in groups for key, x in group.items()}, REAL)


@pytest.mark.parametrize("prefix", ["model.", "ema.", "module.unet.", "pipeline.denoiser."])
def test_a_released_denoiser_is_found_under_any_prefix(tmp_path: Path, prefix: str) -> None:
    tensors = released_tensors()
    torch.save({prefix + key: each for key, each in tensors.items()}, tmp_path / "a.pth")
    torch.save(tensors, tmp_path / "plain.pth")
    found, plain = (read_denoiser(tmp_path / name, TINY).tensors for name in ("a.pth", "plain.pth"))
    assert equal(found, plain)
    convert_denoiser(tmp_path / "a.pth", tmp_path / "bundle", CONTEXT, torch.float32, TINY)
    assert equal(read_denoiser(tmp_path / "bundle").tensors, plain)


def test_of_a_raw_and_an_averaged_denoiser_the_averaged_is_taken(tmp_path: Path) -> None:
    tensors = released_tensors()
    both = {f"model.{key}": each / 2 for key, each in tensors.items()} | {
        f"ema.{key}": each for key, each in tensors.items()
    }
    torch.save(both, tmp_path / "a.pth")
    torch.save(tensors, tmp_path / "plain.pth")
    with pytest.warns(AnimateXWarning, match=r"'ema\.' is used"):
        found = read_denoiser(tmp_path / "a.pth", TINY).tensors
    assert equal(found, read_denoiser(tmp_path / "plain.pth", TINY).tensors)


# Weights that are split over several files


def save_shards(folder: Path, count: int = 3) -> Path:
    names = list(REAL)
    weight_map: dict[str, str] = {}
    for number in range(count):
        part = f"model-{number + 1:05}-of-{count:05}.safetensors"
        keys = names[number::count]
        save_file({key: REAL[key] for key in keys}, folder / part, {"form": "a test"})
        weight_map |= dict.fromkeys(keys, part)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return index


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model-00002-of-00003.safetensors"])
def test_split_weights_are_read_whole(tmp_path: Path, name: str) -> None:
    save_shards(tmp_path)
    assert equal(open_tensors(tmp_path / name), REAL)
    groups = tensor_groups(tmp_path / name, 1 << 18)
    assert equal({key: x for group in groups for key, x in group.items()}, REAL)
    assert read_metadata(tmp_path / name) == {"form": "a test"}


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model-00001-of-00003.safetensors"])
def test_a_missing_part_is_named(tmp_path: Path, name: str) -> None:
    save_shards(tmp_path)
    (tmp_path / "model-00003-of-00003.safetensors").unlink()
    assert "model-00003-of-00003.safetensors is missing" in refusal(tmp_path / name)


def test_the_index_of_a_variant_is_an_index(tmp_path: Path) -> None:
    variant = save_shards(tmp_path).rename(tmp_path / "model.safetensors.index.fp16.json")
    assert equal(open_tensors(variant), REAL)


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model-00002-of-00003.safetensors"])
def test_parts_of_two_versions_are_not_mixed(tmp_path: Path, name: str) -> None:
    save_shards(tmp_path)
    save_file(half(REAL), tmp_path / "model-00003-of-00003.safetensors")
    assert "as does another part next to it" in refusal(tmp_path / name)


@pytest.mark.parametrize("elsewhere", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "", 3])
def test_an_index_names_no_files_elsewhere(tmp_path: Path, elsewhere: object) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": elsewhere}}))
    assert "not next to it" in refusal(index)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}', "{", "\ud800"])
def test_a_damaged_index_is_one_sentence(tmp_path: Path, content: str) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert "download it again" in refusal(index)


# Zeros where weights should be


def saved(path: Path, form: str) -> bytes:
    save_file(REAL, path) if form == "safetensors" else torch.save(REAL, path)
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9, 0.99])
def test_an_end_of_zeros_is_noticed(tmp_path: Path, part: float) -> None:
    path = tmp_path / "a.safetensors"
    data = saved(path, "safetensors")
    kept = int(len(data) * part)
    path.write_bytes(data[:kept] + bytes(len(data) - kept))
    assert "contains zeros where weights should be" in refusal(path)


@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_the_built_in_denoiser_is_not_loaded_by_half(tmp_path: Path, part: float) -> None:
    data = BUNDLED_MODELS.denoiser.read_bytes()
    path, kept = tmp_path / "a.safetensors", int(len(data) * part)
    path.write_bytes(data[:kept] + bytes(len(data) - kept))
    with pytest.raises(DamagedCheckpoint, match="contains zeros"):
        load_denoiser(path)


@pytest.mark.parametrize("form", ["safetensors", "zip"])
@pytest.mark.parametrize("seed", range(8))
def test_missing_pieces_are_noticed(tmp_path: Path, form: str, seed: int) -> None:
    """A tenth of the pieces, of a size that downloaders use, was not written, as far as tensors go."""
    large = {f"{index}": torch.randn(1 << 18, generator=RANDOM) for index in range(20)}
    path = tmp_path / "a"
    save_file(large, path) if form == "safetensors" else torch.save(large, path)
    data, piece = bytearray(path.read_bytes()), 300_000
    pieces = range(piece, len(data) - piece, piece)
    for start in random.Random(seed).sample(pieces, len(pieces) // 10):
        data[start : start + piece] = bytes(piece)
    path.write_bytes(data)
    with pytest.raises(DamagedCheckpoint):
        open_tensors(path)


def test_a_hole_in_a_file_of_the_former_form_is_noticed(tmp_path: Path) -> None:
    large = {f"{index}": torch.randn(1 << 18, generator=RANDOM) for index in range(3)}
    path = tmp_path / "a.pth"
    torch.save(large, path, _use_new_zipfile_serialization=False)
    assert equal(open_tensors(path), large)
    data = path.read_bytes()
    path.write_bytes(data[:-300_000] + bytes(300_000))
    assert "contains zeros where weights should be" in refusal(path)


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
def test_zeros_that_are_meant_are_taken(tmp_path: Path, form: str) -> None:
    table = torch.randn(1000, 256, generator=RANDOM)
    table[-60:] = 0  # rows that no word stands for
    meant = {
        "a.weight": torch.zeros(512, 512),
        "b.bias": torch.zeros(5000),
        "shared.weight": table,
        "y.weight": torch.randn(600, 600, generator=RANDOM),
        "z.bias": torch.zeros(300),
    }
    if form == "safetensors":
        save_file(meant, tmp_path / "a")
    else:
        torch.save(meant, tmp_path / "a", _use_new_zipfile_serialization=form == "zip")
    assert equal(open_tensors(tmp_path / "a"), meant)


def test_untrained_models_are_accepted(tmp_path: Path) -> None:
    last = nn.Linear(300, 20)
    network = nn.Sequential(nn.Linear(300, 300), nn.LayerNorm(300), last)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    save_file(network.state_dict(), tmp_path / "a")
    assert equal(open_tensors(tmp_path / "a"), network.state_dict())
    save_file({key: torch.zeros_like(x) for key, x in REAL.items()}, tmp_path / "zeros")
    assert len(open_tensors(tmp_path / "zeros")) == len(REAL)


# Files that are no weights


def numpy_file() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 3600000000\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LFS, "Git LFS pointer to a file of 3,600,000,000 bytes.*git lfs pull"),
        (b"<!DOCTYPE html><html><body>Please sign in</body></html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML lang='en'>", "a web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"),
        (b'{"error":"Repository not found"}', r"error message of a server \(Repository not found\)"),
        (b'{"error":{"code":404}}', "JSON"),
        (b'{"message": "Not Found", "status": 404}', r"error message of a server \(Not Found\)"),
        (b'{"metadata": {}, "weight_map": {"a": "b"}}', "only the index"),
        (b'{"architectures": ["X"]}', "a JSON file"),
        (b"GGUF" + bytes(60), "GGUF"),
        (gzip.compress(b"weights", mtime=0), "gzip: unpack it"),
        (b"7z\xbc\xaf\x27\x1c rest", "7-Zip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "Keras"),
        (b"\x08\x07\x12\x07pytorch", "ONNX"),
        (numpy_file(), "NumPy"),
        (bytes(100_000), "begins with zeros: the download did not finish"),
        (b"Access denied\n", "is a text"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"], ids=["pth", "safetensors"])
def test_the_message_describes_the_file_and_the_remedy(
    tmp_path: Path, content: bytes, says: str, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match=says) as caught:
        open_tensors(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
