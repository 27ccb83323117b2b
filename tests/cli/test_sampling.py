"""Tests of the sampling options and their defaults."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from animatex_core.animate_x.checkpoint import bundle_metadata
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.sampling import SamplingSettings, Windows
from animatex_core.animate_x.training_spec import TrainingSpec
from animatex_core.animate_x.windows import AlternatingWindows
from animatex_core.cli.animation_options import add_preset_option, add_sampling_options
from animatex_core.cli.options import add_folder_option
from animatex_core.cli.selected_models import denoiser_training, sampling_settings
from animatex_core.diffusion.guidance import Guidance
from animatex_core.errors import InvalidInput

OFFICIAL_WEIGHTS = SamplingSettings("dpm++2m", 12, Guidance(2.5), long_clip=Windows(32, 8))


def chosen(folder: Path, *options: str) -> SamplingSettings:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser)
    add_folder_option(parser)
    add_preset_option(parser)
    arguments = parser.parse_args([*options, "--folder", str(folder)])
    return sampling_settings(arguments, denoiser_training(arguments))


@pytest.mark.parametrize(
    ("model", "usual"),
    [
        ("auto", SamplingSettings.for_small_bundle()),
        ("small", SamplingSettings.for_small_bundle()),
        ("generated", OFFICIAL_WEIGHTS),
        ("absent.pth", OFFICIAL_WEIGHTS),
    ],
)
def test_defaults_suit_the_model(tmp_path: Path, model: str, usual: SamplingSettings) -> None:
    assert chosen(tmp_path, "--model", model) == usual
    assert chosen(tmp_path, "--model", model, "--preset", "automatic") == usual


def test_options_override_the_defaults() -> None:
    given = "--solver=ddim", "--steps=4", "--guidance=1", "--seed=3", "--window=6", "--overlap=2"
    found = chosen(Path(), "--model=small", *given)
    assert found == SamplingSettings("ddim", 4, Guidance(1.0), seed=3, long_clip=Windows(6, 2))
    assert chosen(Path(), "--model=small", "--preset=official", *given) == found


def test_alternating_windows_are_as_long_as_those_of_the_preset() -> None:
    alternating = "--model=generated", "--window-schedule=alternating"
    assert chosen(Path(), *alternating).long_clip == AlternatingWindows(32)
    assert chosen(Path(), *alternating, "--window=16").long_clip == AlternatingWindows(16)
    assert chosen(Path(), "--model=generated", "--window-schedule=overlapping") == OFFICIAL_WEIGHTS


def test_the_overlap_of_a_preset_can_be_changed_alone() -> None:
    assert chosen(Path(), "--model=generated", "--overlap=16").long_clip == Windows(32, 16)
    assert chosen(Path(), "--model=small", "--overlap=0").long_clip == Windows(4, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--segments=8", "--window-schedule=alternating"), "--window-schedule is for windows"),
        (("--preset=official", "--window-schedule=alternating"), "at once: add --window"),
        (("--overlap=2", "--window-schedule=alternating"), "no effect on alternating windows"),
        (("--model=small", "--window-schedule=alternating"), "there is 1 step"),
    ],
)
def test_options_of_windows_that_would_do_nothing_are_refused(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        chosen(Path(), "--model=generated", *options)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("draft", replace(OFFICIAL_WEIGHTS, steps=8)),
        ("standard", OFFICIAL_WEIGHTS),
        ("official", SamplingSettings()),
    ],
)
def test_presets_select_solver_and_steps(tmp_path: Path, preset: str, expected: SamplingSettings) -> None:
    assert chosen(tmp_path, "--model=generated", "--preset", preset) == expected
    changed = chosen(tmp_path, "--model=generated", "--steps=5", "--preset", preset)
    assert changed == replace(expected, steps=5)


def test_the_official_model_in_its_folder_has_its_defaults(tmp_path: Path) -> None:
    place = tmp_path / "animate_x" / "animate-x_ckpt.pth"
    place.parent.mkdir()
    torch.save({}, place)
    assert chosen(tmp_path) == OFFICIAL_WEIGHTS


def test_a_converted_file_says_what_it_was_trained_on(tmp_path: Path) -> None:
    file = write_file(tmp_path / "mine.safetensors", DenoiserConfig.tiny(), TrainingSpec(frames=16))
    expected = replace(OFFICIAL_WEIGHTS, long_clip=Windows(16, 4))
    assert chosen(tmp_path, "--model", str(file)) == expected


def write_file(path: Path, config: DenoiserConfig, trained_on: TrainingSpec) -> Path:
    """Write the header of a converted file, which is all that the settings are read from."""
    save_file({"text_context": torch.zeros(1)}, path, bundle_metadata(config, trained_on))
    return path
