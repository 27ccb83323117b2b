"""`animate` with Animate-X++: from a picture, a clip and a text to a clip."""

import argparse
import shutil
from pathlib import Path

import numpy as np
import pytest

from animatex_core.animate_x_plus.defaults import NEGATIVE_PROMPT, TYPICAL_PROMPT
from animatex_core.animate_x_plus.sampling import PlusSampling
from animatex_core.animate_x_plus.settings import PlusSettings
from animatex_core.cli.main import build_parser, main
from animatex_core.cli.selected_models import plus_settings
from animatex_core.hub.models_dir import Variant
from animatex_core.systems import system_of_model
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.animate_x_plus.small_wan import SmallWan, expect_small_open_clip
from tests.support.dance_samples import FPS, DanceFiles, write_dance

SMALL = {"size": "48x64", "steps": 2, "device": "cpu", "prompt": "a rabbit in the snow"}


@pytest.fixture
def dance(tmp_path: Path, small_wan: SmallWan, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(small_wan.folder))
    return write_dance(tmp_path)


def animate(dance: DanceFiles, *flags: str, **options: object) -> int:
    return main(["animate", *dance.options(**{**SMALL, "out": dance.folder / "out.mp4", **options}), *flags])


def last_error(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def arguments(*options: str) -> argparse.Namespace:
    return build_parser().parse_args(["animate", "--reference", "a.png", "--driving", "b.mp4", *options])


@pytest.mark.parametrize("model", ["animate-x-plus", "animate-x-plus-full"])
def test_from_a_clip_to_a_clip(
    dance: DanceFiles,
    small_wan: SmallWan,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
) -> None:
    expect_small_open_clip(small_wan, monkeypatch)
    three = dance.folder / "three.mp4"
    assert animate(dance, model=model, side_by_side=three) == 0
    clip = probe(dance.folder / "out.mp4")
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (13, 48, 64, FPS, True)
    told = capsys.readouterr().err
    assert all(f"{stage}: " in told for stage in ("loading", "sampling", "decoding"))
    frames = np.stack(list(read_frames(dance.folder / "out.mp4")))
    assert frames.std() > 5
    assert [frame.shape for frame in read_frames(three)] == [(64, 48 + 48 + 48, 3)] * 13


def test_a_file_by_its_name_a_stride_and_another_transformer(dance: DanceFiles, small_wan: SmallWan) -> None:
    modules = dance.folder / "mine.safetensors"
    shutil.copy(small_wan.modules("simple"), modules)
    wan = dance.folder / "my_wan.safetensors"
    shutil.copy(small_wan.transformer, wan)
    for name, more in (("a", {}), ("b", {"guidance": 1}), ("c", {"teacache": 1e9, "steps": 4, "shift": 3})):
        options = {
            "model": modules,
            "wan": wan,
            "frames": 5,
            "stride": 2,
            "out": dance.folder / f"{name}.mp4",
        }
        assert animate(dance, "--silent", **options, **more) == 0
        clip = probe(dance.folder / f"{name}.mp4")
        assert (clip.frames, clip.fps, clip.has_audio) == (5, FPS / 2, False)


@pytest.mark.parametrize(
    ("model", "missing", "download"),
    [
        ("animate-x-plus", "modules", "animate-x-plus-simple-modules"),
        ("animate-x-plus", "transformer", "wan21-i2v-720p"),
        ("animate-x-plus", "text_encoder", "umt5-xxl"),
        ("animate-x-plus", "image_encoder", "clip-vision-h"),
        ("animate-x-plus", "autoencoder", "wan21-autoencoder"),
        ("animate-x-plus-full", "driving_encoder", "open-clip-vit-h-14"),
    ],
)
def test_a_missing_file_is_named_with_the_command_that_gets_it(
    dance: DanceFiles,
    small_wan: SmallWan,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    missing: str,
    download: str,
) -> None:
    here = SmallWan(dance.folder / "models")
    shutil.copytree(small_wan.folder, here.folder)
    monkeypatch.setenv("ANIMATEX_MODELS", str(here.folder))
    path = here.modules("simple") if missing == "modules" else getattr(here, missing)
    path.unlink(missing_ok=True)
    assert animate(dance, model=model) == 2
    assert f"run `animatex models download {download}`" in last_error(capsys)
    assert not (dance.folder / "out.mp4").exists()


BAD = [
    ({"solver": "ddim"}, "--solver is only available for Animate-X, "),
    ({"window": 16}, "--window is only available for Animate-X, "),
    ({"segments": 16}, "--segments is only available for Animate-X, "),
    ({"overlap": 4}, "--overlap is only available for Animate-X, "),
    ({"reference_form": "both"}, "--reference-form is only available for Animate-X, "),
    ({"size": "50x64"}, "multiple of 16: use 64"),
    ({"guidance": -1}, "guidance scale is -1"),
    ({"shift": 0}, "shift is 0"),
    ({"teacache": -1}, "TeaCache"),
    ({"seed": 2**64}, "2^64"),
    ({"wan": "nowhere.safetensors"}, "nowhere.safetensors"),
    ({"model": "small"}, "--prompt is only available for Animate-X++"),
    ({"model": "nowhere.safetensors"}, "--prompt is only available for Animate-X++"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda value: str(value)[:40])
def test_options_that_cannot_be_are_refused_in_one_sentence(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], options: dict[str, object], message: str
) -> None:
    assert animate(dance, **{"model": "animate-x-plus", **options}) == 2
    error = last_error(capsys)
    assert error.startswith("animatex: ")
    assert message in error
    assert not (dance.folder / "out.mp4").exists()


@pytest.mark.parametrize(
    ("model", "variant", "guidance"),
    [("animate-x-plus", "simple", 5.0), ("animate-x-plus-full", "full", 3.0)],
)
def test_what_is_not_given_is_as_released(model: str, variant: Variant, guidance: float) -> None:
    given = arguments("--model", model)
    assert system_of_model(given.model).variant == variant
    assert plus_settings(given, variant) == PlusSettings(
        TYPICAL_PROMPT, NEGATIVE_PROMPT, 480, 832, sampling=PlusSampling(50, guidance, 5.0)
    )


def test_what_is_given_counts() -> None:
    given = arguments(
        "--model=animate-x-plus",
        "--prompt=",
        "--negative-prompt=rain",
        "--steps=4",
        "--guidance=1",
        "--shift=8",
        "--seed=3",
        "--teacache=0.3",
        "--size=832x480",
    )
    settings = plus_settings(given, "simple")
    assert (settings.prompt, settings.negative_prompt) == ("", "rain")
    assert (settings.width, settings.height) == (832, 480)
    assert settings.sampling == PlusSampling(4, 1.0, 8.0, 3, 0.3)


def test_the_variant_is_told_from_the_file(small_wan: SmallWan, tmp_path: Path) -> None:
    for variant in ("full", "simple"):
        assert system_of_model(str(small_wan.modules(variant))).variant == variant
    assert system_of_model(str(tmp_path / "none.safetensors")).variant is None


def test_a_name_that_no_file_can_have_is_refused_in_one_sentence(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["animate", *dance.options(model="x" * 300, out=dance.folder / "out.mp4")]) == 2
    assert "cannot be opened" in last_error(capsys)
