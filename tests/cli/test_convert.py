"""Tests of `animatex convert` with small checkpoints in the official format."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from animatex_core.animate_x.checkpoint import load_denoiser
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x_plus.checkpoint import load_plus
from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.cli.main import main
from animatex_core.encoders.open_clip import OpenClipTextContext
from animatex_core.hub.models_dir import ModelsDir, Variant
from tests.animate_x.test_checkpoint import released_tensors
from tests.animate_x_plus.test_checkpoint import released_tensors as plus_tensors
from tests.encoders.small_clip import SMALL, small_clip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with a small denoiser and a small CLIP, in place of the official sizes."""
    config = replace(DenoiserConfig.tiny(), text_tokens=77)
    monkeypatch.setattr(DenoiserConfig, "released", lambda: config)
    small_tower = partial(OpenClipTextContext.from_file, config=SMALL)
    monkeypatch.setattr(OpenClipTextContext, "from_file", small_tower)
    for name, tensors in (
        ("animate_x/animate-x_ckpt.pth", {"state_dict": released_tensors(), "step": 1}),
        ("clip_vision/open_clip_pytorch_model.bin", small_clip(tmp_path).state_dict()),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        torch.save(tensors, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("precision", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_the_checkpoint_in_the_models_folder_is_converted(
    folder: Path, capsys: pytest.CaptureFixture[str], precision: str, dtype: torch.dtype
) -> None:
    assert main(["convert", "--folder", str(folder), "--precision", precision]) == 0
    bundle = folder / "animate_x" / f"animate-x-{precision}.safetensors"
    assert str(bundle) in capsys.readouterr().out
    loaded = load_denoiser(bundle)
    context = OpenClipTextContext.from_file(folder / "clip_vision" / "open_clip_pytorch_model.bin")
    assert loaded.unet.dtype == dtype
    assert torch.equal(loaded.text_context, context.empty_text().to(dtype))  # type: ignore[arg-type]


def test_explicit_files_are_converted(folder: Path) -> None:
    checkpoint, encoder = (str(next(folder.glob(pattern))) for pattern in ("*/*.pth", "*/*.bin"))
    out = folder / "mine.safetensors"
    assert main(["convert", checkpoint, "--text-encoder", encoder, "--out", str(out)]) == 0
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folder", "nowhere"], "models download animate-x-denoiser"),
        (["missing.pth", "--text-encoder", "missing.bin", "--out", "x.safetensors"], "missing.pth"),
        (["missing.pth", "--text-encoder", "missing.bin", "--out", "x.ckpt"], "safetensors"),
    ],
)
def test_bad_input_exits_with_status_2_and_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["convert", *arguments]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("animatex: ")
    assert message in error


@pytest.fixture
def plus_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with small checkpoints of Animate-X++, in place of the official sizes."""
    monkeypatch.setattr(PlusConfig, "released", PlusConfig.tiny)
    monkeypatch.setattr(WanConfig, "released", WanConfig.tiny)
    (tmp_path / "animate_x").mkdir()
    torch.save(plus_tensors("full"), tmp_path / "animate_x" / "animate-x++.ckpt")
    torch.save(plus_tensors("simple"), tmp_path / "animate_x" / "animate-x++_simple.ckpt")
    return tmp_path


@pytest.mark.parametrize(
    ("model", "variant", "name"),
    [
        ("animate-x-plus", "simple", "animate-x-plus-simple.safetensors"),
        ("animate-x-plus-full", "full", "animate-x-plus.safetensors"),
    ],
)
def test_animate_x_plus_in_the_models_folder_is_converted(
    plus_folder: Path, capsys: pytest.CaptureFixture[str], model: str, variant: Variant, name: str
) -> None:
    assert main(["convert", "--folder", str(plus_folder), "--model", model]) == 0
    converted = plus_folder / "animate_x" / name
    assert f"of the {variant} variant" in capsys.readouterr().out
    assert ModelsDir(plus_folder).find_plus(variant) == converted
    assert load_plus(converted).networks.config.variant == variant


def test_a_renamed_checkpoint_of_animate_x_plus_is_recognised(
    plus_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = (plus_folder / "animate_x" / "animate-x++.ckpt").rename(plus_folder / "mine.pth")
    assert main(["convert", str(renamed), "--out", str(plus_folder / "mine.safetensors")]) == 0
    assert load_plus(plus_folder / "mine.safetensors").networks.config.variant == "full"
    assert main(["convert", str(renamed), "--precision", "bf16"]) == 2
    assert "leave out --precision" in capsys.readouterr().err
