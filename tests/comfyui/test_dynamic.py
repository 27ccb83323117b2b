"""Models in the hands of ComfyUI's DynamicVRAM, on a card that is made of ordinary memory."""

from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe


def seen_on_card(program: str, comfyui: Host) -> dict[str, Any]:
    if not comfyui.dynamic_vram:
        pytest.skip("DynamicVRAM is off in this ComfyUI, or unknown to it")
    return run_probe(program, comfyui)


@pytest.fixture(scope="module")
def seen(comfyui: Host) -> dict[str, Any]:
    return seen_on_card("dynamic", comfyui)


@pytest.fixture(scope="module")
def loaded(comfyui: Host) -> dict[str, Any]:
    return seen_on_card("dynamic_files", comfyui)


@pytest.fixture(scope="module")
def plus(comfyui: Host) -> dict[str, Any]:
    return seen_on_card("dynamic_plus", comfyui)


@pytest.mark.parametrize(
    ("weight_dtype", "most"),
    # What ComfyUI never stages, biases and norms, stays as the file has it: not rounded to 8 or 16 bits.
    [("fp32", 0), ("fp16", 0), ("bf16", 1e-2), ("fp8_e4m3fn", 0.1), ("fp8_e4m3fn_fast", 0)],
)
def test_the_denoiser_answers_as_when_it_is_loaded_whole(seen: dict, weight_dtype: str, most: float) -> None:
    assert seen["values"][weight_dtype] <= most


def test_weights_rest_in_their_file(seen: dict) -> None:
    assert seen["stays_mapped"] == {"before": True, "loaded": True, "unloaded": True}


@pytest.mark.parametrize("part", ["denoiser", "image encoder", "autoencoder", "modules of Animate-X++"])
def test_comfyui_maps_the_files_itself(loaded: dict, part: str) -> None:
    dynamic, mapped, difference = loaded["files"][part]
    assert dynamic
    assert mapped == 1
    assert difference < 1e-5


def test_comfyuis_cache_knows_the_modules_of_animate_x_plus_for_a_model(loaded: dict) -> None:
    assert loaded["cached"] == [True, True]


class TestBytes:
    """Beside a model of ComfyUI that is as large and loaded by its own loader."""

    def test_as_large_a_part_is_staged(self, seen: dict) -> None:
        ours, theirs = (seen["bytes_on_card"][name]["loaded"] for name in ("ours", "ComfyUI's"))
        assert ours["size"] == pytest.approx(theirs["size"], rel=0.15)
        staged, expected = (loaded["staged"] / loaded["size"] for loaded in (ours, theirs))
        assert staged == pytest.approx(expected, rel=0.02)
        assert ours["forced"] < 0.02 * ours["size"]

    @pytest.mark.parametrize("name", ["ours", "ComfyUI's"])
    def test_layers_come_when_they_are_called_and_go_when_room_is_needed(self, seen: dict, name: str) -> None:
        found = seen["bytes_on_card"][name]
        assert found["loaded"]["resident"] == 0
        assert found["used"]["resident"] == found["used"]["staged"]
        assert found["freed"] >= found["used"]["resident"] // 2
        assert found["half"]["resident"] == found["used"]["resident"] - found["freed"]
        assert found["left"] == found["again"] == 0

    @pytest.mark.parametrize("name", ["ours", "ComfyUI's"])
    def test_a_third_of_the_room_is_filled_and_enough(self, seen: dict, name: str) -> None:
        found = seen["bytes_on_card"][name]
        third = found["scarce"]["staged"] // 3
        assert 0.9 * third < found["scarce"]["resident"] <= third
        assert found["scarce difference"] == 0


def test_a_lora_is_added_to_layers_on_their_way(seen: dict) -> None:
    assert seen["lora"]["difference"] < 1e-6 < 1e-4 < seen["lora"]["effect"]
    assert seen["lora"]["left behind"] == 0


def test_animate_x_plus_answers_as_when_everything_is_loaded_whole(plus: dict) -> None:
    found = plus["whole_graph"]
    assert found["difference"] < 1e-5
    assert found["effect of the LoRA"] > 1e-3
    assert found["bytes"]["resident"] == found["bytes"]["staged"] > 0.9 * found["bytes"]["size"]
