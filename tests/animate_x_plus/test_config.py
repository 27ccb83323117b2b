import json
from dataclasses import replace
from typing import Any

import pytest

from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.animate_x_plus.defaults import NEGATIVE_PROMPT
from animatex_core.animate_x_plus.shapes import WanShape, fitting_frames
from animatex_core.errors import InvalidInput
from tests.animate_x_plus.samples import TINY


@pytest.mark.parametrize("variant", ["full", "simple"])
def test_a_configuration_survives_json(variant: str) -> None:
    config = TINY[variant]
    assert PlusConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.variant == variant


def test_an_unknown_entry_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="another version"):
        PlusConfig.from_dict(TINY["full"].to_dict() | {"strange": 1})


def test_released_sizes() -> None:
    assert PlusConfig.released("full").window_latents == 21
    assert PlusConfig.released("full").dim == PlusConfig.released("simple").dim == WanConfig.released().dim
    assert PlusConfig.tiny("full").dim == WanConfig.tiny().dim


@pytest.mark.parametrize("change", [{"window_frames": 80}, {"dim": 0}, {"hidden": 1.5}])
def test_invalid_sizes_are_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(TINY["full"], **change)


def test_an_unknown_variant_and_odd_heads_are_rejected() -> None:
    with pytest.raises(InvalidInput, match="full and simple"):
        PlusConfig.released("half")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="heads"):
        WanConfig(dim=100, heads=40)


def test_the_official_shape() -> None:
    shape = WanShape()
    assert shape.latents() == (1, 16, 21, 104, 60)
    assert shape.grid == (21, 52, 30)


@pytest.mark.parametrize(
    ("frames", "expected"), [(1, 1), (2, 5), (3, 5), (4, 5), (5, 5), (6, 9), (79, 81), (81, 81), (82, 85)]
)
def test_frames_become_one_more_than_a_multiple_of_four(frames: int, expected: int) -> None:
    assert fitting_frames(frames) == expected
    assert WanShape.fitting(470, 833, frames) == WanShape(480, 848, expected)


@pytest.mark.parametrize(("name", "value"), [("width", 470), ("height", 0), ("frames", 80), ("frames", 0)])
def test_sizes_that_wan_does_not_support_are_rejected(name: str, value: int) -> None:
    with pytest.raises(InvalidInput, match=name):
        WanShape(**{name: value})


def test_the_negative_prompt_is_the_official_one() -> None:
    assert len(NEGATIVE_PROMPT) == 110
    assert NEGATIVE_PROMPT.startswith("细节模糊不清，字幕，")
    assert NEGATIVE_PROMPT.endswith("倒着走")
