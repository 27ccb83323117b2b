"""Weights as they are saved, and what is taken for them."""

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.checkpoints.safe_load import open_tensors
from animatex_core.errors import AnimateXError
from tests.animate_x.test_checkpoint import TINY, released_tensors
from tests.inputs.common import Read, refused

TENSORS = {f"{index}.weight": torch.randn(64, 300) for index in range(40)}


def assert_weights(path: Path) -> None:
    found = open_tensors(path)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in TENSORS.items())


def plain_weights(folder: Path) -> None:
    save_file(TENSORS, folder / "a.safetensors")
    torch.save(TENSORS, folder / "a.pth")
    torch.save(TENSORS, folder / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "a.pth", "old.pth"):
        assert_weights(folder / name)


def split_weights(folder: Path) -> None:
    keys, names = list(TENSORS), [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    weight_map: dict[str, str] = {}
    for number, name in enumerate(names):
        save_file({key: TENSORS[key] for key in keys[number::2]}, folder / name)
        weight_map |= dict.fromkeys(keys[number::2], name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for name in (*names, "model.safetensors.index.json"):
        assert_weights(folder / name)


def wrapped_weights(folder: Path) -> None:
    for index, prefix in enumerate(("module.", "_orig_mod.")):
        torch.save({"state_dict": {prefix + key: x for key, x in TENSORS.items()}}, folder / f"{index}.pth")
        assert_weights(folder / f"{index}.pth")
    torch.save({f"unet.{key}": tensor for key, tensor in released_tensors().items()}, folder / "a.pth")
    assert read_denoiser(folder / "a.pth", TINY).tensors


def averaged_weights(folder: Path) -> None:
    raw = {key: tensor * 2 for key, tensor in TENSORS.items()}
    torch.save({"state_dict": raw, "ema": TENSORS}, folder / "a.pth")
    assert_weights(folder / "a.pth")


def half_weights(folder: Path) -> None:
    path = folder / "a.safetensors"
    save_file(TENSORS, path)
    data = path.read_bytes()
    for start, end in ((len(data) // 2, len(data)), (len(data) // 3, len(data) // 2)):
        path.write_bytes(data[:start] + bytes(end - start) + data[end:])
        refused(open_tensors, path)
    raise AnimateXError("All were refused.")


class Harmful:
    """A pickle of it opens a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("harmful", "w")


def harmful_weights(folder: Path) -> None:
    (folder / "a.pth").write_bytes(pickle.dumps({"a": Harmful()}, protocol=2))
    open_tensors(folder / "a.pth")


def mistaken_weights(folder: Path) -> None:
    heads = (
        b"version https://git-lfs.github.com/spec/v1\nsize 3\n",
        b"<html>",
        b'{"error": "no"}',
        b"GGUF",
        b"\x08\x07\x12",
        b"7z\xbc\xaf\x27\x1c",
    )
    for head in heads:
        (folder / "a.safetensors").write_bytes(head + b" " * 20)
        refused(open_tensors, folder / "a.safetensors")
    raise AnimateXError("All were refused.")


WEIGHTS: dict[str, Read] = {
    "safetensors, `torch.save` in both forms": plain_weights,
    "split over several files, named by their index or by one of them": split_weights,
    "in a `state_dict`, under `module.`, `_orig_mod.` or any other prefix": wrapped_weights,
    "EMA weights next to raw weights": averaged_weights,
    "an incomplete download, with zeros at the end or in the middle": half_weights,
    "a pickle that contains more than tensors": harmful_weights,
    "a Git LFS pointer, web page, server error, GGUF, ONNX or archive": mistaken_weights,
}
