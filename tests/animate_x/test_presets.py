"""The presets of the sampling: what they set, and what the help says of them."""

import re

import pytest

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.presets import (
    PRESETS,
    count_passes,
    describe_presets,
    resolve_preset,
    warn_of_guidance,
)
from animatex_core.animate_x.settings import SamplingSettings
from animatex_core.animate_x.training_spec import RELEASED, TrainingSpec
from animatex_core.animate_x.windows import Windows
from animatex_core.diffusion.guidance import Guidance
from animatex_core.errors import AnimateXWarning, InvalidInput


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("puppet", [False, True])
def test_passes_are_those_of_the_solver(name: str, puppet: bool) -> None:
    settings = SamplingSettings().with_preset(name, RELEASED, puppet)
    guided = sum(settings.guidance.applies(timestep) for timestep in settings.timesteps.visited)
    assert count_passes(resolve_preset(name, 32, puppet).sampling) == len(settings.timesteps) + guided


def test_automatic_is_what_the_small_bundle_was_trained_for() -> None:
    found = SamplingSettings().with_preset("automatic", TrainingSpec(128, 192, 4, "both"), True)
    assert found == SamplingSettings.for_small_bundle()


def test_official_is_the_official_code_whatever_the_model() -> None:
    own = SamplingSettings("dpm++2m", 3, Guidance(1.0, 0.1, 0.9), seed=5, long_clip=Windows(8, 2))
    found = own.with_preset("official", TrainingSpec(frames=4), True)
    assert found == SamplingSettings(guidance=Guidance(2.5, 0.1, 0.9), seed=5)


@pytest.mark.parametrize("name", ["automatic", "draft", "standard"])
@pytest.mark.parametrize(
    ("frames", "windows"),
    [(1, (1, 0)), (2, (2, 1)), (3, (3, 2)), (4, (4, 2)), (8, (8, 2)), (32, (32, 8)), (81, (81, 20))],
)
def test_windows_are_as_long_as_the_clips_in_training(
    name: str, frames: int, windows: tuple[int, int]
) -> None:
    settings = SamplingSettings().with_preset(name, TrainingSpec(frames=frames), False)
    assert settings.long_clip == Windows(*windows)


def test_the_official_network_starts_from_noise() -> None:
    assert not DenoiserConfig.released().puppet
    assert SamplingSettings().with_preset("automatic", RELEASED, False).guidance == Guidance(2.5)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match="The preset is 'fast': choose one of automatic, draft"):
        resolve_preset("fast", 32, False)


def test_the_help_names_every_preset_with_its_passes() -> None:
    text = describe_presets()
    for name in PRESETS:
        part = re.search(rf"{name}: (.*?)(\. |$)", text)
        assert part is not None
        assert re.search(rf"\b{count_passes(resolve_preset(name, 32, False).sampling)}\b", part[1])
    assert count_passes(resolve_preset("automatic", 4, True).sampling) == 1


def test_guidance_of_models_without_it_is_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    for scale, puppet in ((1.0, True), (2.5, False)):
        warn_of_guidance(scale, puppet)
    assert not recwarn.list
    with pytest.warns(AnimateXWarning, match=r"a scale of 2\.5 exaggerates colours: use 1, or the preset"):
        warn_of_guidance(2.5, True)
