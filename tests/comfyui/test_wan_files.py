"""Files of Wan's networks mean to the library what they mean to ComfyUI."""

from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe


@pytest.fixture(scope="module")
def seen(comfyui: Host) -> dict[str, Any]:
    return run_probe("wan_files", comfyui)


def test_texts_have_the_same_tokens_and_states(seen: dict[str, Any]) -> None:
    assert seen["text"]["tokens"]
    assert seen["text"]["states"] < 5e-5
    assert seen["text"]["spread"] > 0.1


def test_pictures_have_the_same_states(seen: dict[str, Any]) -> None:
    assert seen["image"]["states"] < 1e-5
    assert seen["image"]["spread"] > 0.1


def test_videos_have_the_same_latents_and_frames(seen: dict[str, Any]) -> None:
    assert seen["video"]["latents"] < 1e-5
    assert seen["video"]["frames"] < 5e-5
    assert seen["video"]["spread"] > 0.1


def test_networks_of_the_released_sizes_have_every_key(seen: dict[str, Any]) -> None:
    assert seen["released_sizes"] is True
