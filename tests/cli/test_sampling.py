"""Tests of the sampling options and their defaults."""

import argparse
from pathlib import Path

import pytest

from animatex_core.animate_x.sampling import SamplingSettings, Windows
from animatex_core.cli.animation_options import add_sampling_options
from animatex_core.cli.options import add_folder_option
from animatex_core.cli.selected_models import sampling_settings
from animatex_core.diffusion.guidance import Guidance


def chosen(folder: Path, *options: str) -> SamplingSettings:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser)
    add_folder_option(parser)
    return sampling_settings(parser.parse_args([*options, "--folder", str(folder)]))


@pytest.mark.parametrize(
    ("model", "usual"),
    [
        ("auto", SamplingSettings.for_small_bundle()),
        ("small", SamplingSettings.for_small_bundle()),
        ("generated", SamplingSettings()),
        ("my.pth", SamplingSettings()),
    ],
)
def test_defaults_suit_the_model(tmp_path: Path, model: str, usual: SamplingSettings) -> None:
    assert chosen(tmp_path, "--model", model) == usual


def test_options_override_the_defaults() -> None:
    given = "--solver=ddim", "--steps=4", "--guidance=1", "--seed=3", "--window=6", "--overlap=2"
    found = chosen(Path(), "--model=small", *given)
    assert found == SamplingSettings("ddim", 4, Guidance(1.0), seed=3, long_clip=Windows(6, 2))


def test_the_official_model_in_its_folder_has_the_official_defaults(tmp_path: Path) -> None:
    place = tmp_path / "animate_x" / "animate-x_ckpt.pth"
    place.parent.mkdir()
    place.touch()
    assert chosen(tmp_path) == SamplingSettings()
