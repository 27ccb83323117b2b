from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def sampled(comfyui: Host) -> dict[str, Any]:
    return run_probe("model", comfyui)


@pytest.fixture(scope="module")
def weights(comfyui: Host) -> dict[str, Any]:
    return run_probe("weights", comfyui)


class TestSampling:
    @pytest.mark.parametrize("sampler", ["ddim", "euler", "dpmpp_2m", "uni_pc"])
    def test_samplers_of_comfyui_give_finite_latents(self, sampled: dict, sampler: str) -> None:
        assert sampled["samplers"][sampler] == [[5, 4, 16, 8], True]

    @pytest.mark.parametrize("timestep", ["1", "500"])
    def test_guided_prediction_is_that_of_the_core(self, sampled: dict, timestep: str) -> None:
        assert sampled["equals_the_core"][timestep] < ROUNDING

    def test_of_pure_noise_the_host_keeps_a_trace(self, sampled: dict) -> None:
        # Its last alpha is 2.2e-4 where the released schedule has 0.
        assert 1e-4 < sampled["equals_the_core"]["999"] < 2e-3

    def test_without_guidance_too(self, sampled: dict) -> None:
        assert sampled["without_guidance"] < ROUNDING

    def test_windows_are_blended_as_in_the_core(self, sampled: dict) -> None:
        assert sampled["windows"]["from the core"] < ROUNDING
        assert sampled["windows"]["from the whole"] > 0.01

    def test_a_window_larger_than_the_clip_is_the_clip(self, sampled: dict) -> None:
        assert sampled["windows"]["larger than the clip"] == 0

    def test_a_part_of_the_conditioning_is_that_of_a_shorter_clip(self, sampled: dict) -> None:
        assert sampled["window_of"] == 0

    def test_with_little_memory_the_passes_run_one_by_one(self, sampled: dict) -> None:
        assert sampled["separate_passes"]["batches"] == [10, 5, 5]
        assert sampled["separate_passes"]["difference"] < ROUNDING

    def test_zero_out_gives_the_unconditional_pass(self, sampled: dict) -> None:
        assert sampled["zeroed_out"]["from negative"] == 0
        assert sampled["zeroed_out"]["from positive"] > 0.01

    def test_nothing_is_left_of_a_run_that_broke_off(self, sampled: dict) -> None:
        assert sampled["nothing_is_left_of_a_run"] == {"while it runs": [1, 1], "after": [0, 0], "known": [0]}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("frames", "The latents are (4, 4, 16, 8), but the conditioning was made for 5 frames of 64x128"),
        ("size", "The latents are (5, 4, 16, 16), but"),
        ("prompt", "The conditioning was not made for Animate-X: connect positive and negative of"),
        ("window of a prompt", "The conditioning was not made for Animate-X"),
        ("image encoder", "The CLIP_VISION gives features of width 768, but the model needs 64: choose"),
        ("empty_text", "empty_text has 77 tokens of width 768, but the model needs 4 of width 64: connect"),
        ("no text", "The original checkpoint does not contain the embedding of the empty text: convert it"),
        ("area", "Only a part of the latents is denoised, but Animate-X's conditioning is for the whole"),
        ("added patch", "A node patched input_block_patch of the MODEL, which Animate-X's network"),
        ("replaced layer", "A node patched attn1 of the MODEL, which Animate-X's network does not have"),
        ("control", "Animate-X does not support ControlNet"),
    ],
)
def test_what_does_not_fit_is_one_sentence(sampled: dict, case: str, said: str) -> None:
    assert sampled["complaints"][case].startswith(said)
    assert sampled["complaints"][case].endswith(".")


def test_a_given_text_serves_a_checkpoint_without_one(sampled: dict) -> None:
    assert sampled["complaints"]["text given"] == ""


class TestWeights:
    @pytest.mark.parametrize(
        ("choice", "stored", "error"),
        [
            ("default", "float32", ROUNDING),
            ("fp32", "float32", ROUNDING),
            ("fp16", "float16", 1e-3),
            ("bf16", "bfloat16", 1e-2),
            ("fp8_e4m3fn", "float8_e4m3fn", 0.1),
            ("fp8_e4m3fn_fast", "float8_e4m3fn", 0.1),
        ],
    )
    def test_storage_is_as_chosen(self, weights: dict, choice: str, stored: str, error: float) -> None:
        found = weights["storage"][choice]
        assert found[:2] == [f"torch.{stored}", "torch.float32"]
        assert found[2] < error

    def test_a_cpu_uses_the_tensors_of_the_file_as_they_are(self, weights: dict) -> None:
        assert weights["a_cpu_maps_the_file"] == ["torch.float16", True]

    def test_no_module_trains(self, weights: dict) -> None:
        assert weights["for_inference"] == [0, 0]

    def test_partly_loaded_it_computes_the_same(self, weights: dict) -> None:
        assert weights["partly_loaded"]["waiting"] > 100
        assert weights["partly_loaded"]["difference"] == 0

    def test_a_lora_does_what_merged_weights_would(self, weights: dict) -> None:
        assert weights["lora"]["difference"] < ROUNDING < weights["lora"]["effect"]
        assert weights["lora"]["left behind"] == 0

    def test_a_lora_that_begins_later_reaches_a_model_that_predicts_the_same_at_every_step(
        self, weights: dict
    ) -> None:
        assert weights["scheduled_lora"] > 1e-3

    def test_its_passes_run_on_two_devices_where_comfyui_can(self, weights: dict) -> None:
        found = weights["on_two_devices"]
        if found is None:
            pytest.skip("this version of ComfyUI has no MultiGPU CFG Split")
        assert found["equal"]
        assert not found["shared"]
        assert found["devices"] == ["cpu", "cpu:0"]
        assert found["difference"] < ROUNDING  # passes one by one are rounded unlike a batch of both

    def test_it_can_be_loaded_without_dynamic_loading(self, weights: dict) -> None:
        found = weights["without_dynamic_loading"]
        if found is None:
            pytest.skip("this version of ComfyUI has no DynamicVRAM")
        assert found == [False, True]

    def test_it_can_be_compiled(self, weights: dict) -> None:
        assert weights["compiled"] < ROUNDING

    def test_memory_grows_with_what_is_in_the_network_at_once(self, weights: dict) -> None:
        memory = weights["memory"]
        assert memory["32"] == memory["128 in windows"]
        assert memory["32"][0] == memory["of unknown conditions"][0] == pytest.approx(2.4, abs=0.2)  # GiB
        assert memory["128"][0] == pytest.approx(4 * memory["32"][0], rel=0.15)
        assert memory["128"][1] == pytest.approx(2 * memory["128"][0], rel=0.05)
