"""Animate-X++ on ComfyUI's own Wan against the released computation."""

from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe

TOLERANCE = 5e-5


@pytest.fixture(scope="module")
def found(comfyui: Host) -> dict[str, Any]:
    return run_probe("plus", comfyui)


def test_the_computation_that_tests_compare_with_is_the_released_one(found: dict) -> None:
    assert found["the_test_itself"].keys() == {"cond_full", "uncond_full", "cond_simple", "plain_neg"}
    assert max(found["the_test_itself"].values()) < TOLERANCE


class TestPasses:
    @pytest.mark.parametrize(
        "name", ["cond_full", "uncond_full", "cond_simple", "plain_neg", "cond_full_t12"]
    )
    def test_in_one_batch_they_are_as_released(self, found: dict, name: str) -> None:
        assert found["passes"]["batches"][0] == [2]
        assert found["passes"][name] < TOLERANCE

    @pytest.mark.parametrize("name", ["cond_full", "uncond_full"])
    def test_one_by_one_too(self, found: dict, name: str) -> None:
        assert found["passes"]["batches"][1] == [1, 1]
        assert found["passes"][f"separate {name}"] < TOLERANCE

    def test_the_conditioning_says_which_is_conditional_whatever_its_number(self, found: dict) -> None:
        assert found["guiders"]["three passes"] == 3
        assert found["guiders"]["positive"] < TOLERANCE
        assert found["guiders"]["pose in one alone"] == [False, True, True]

    def test_without_a_word_of_it_the_numbers_of_comfyui_count(self, found: dict) -> None:
        assert max(found["guiders"]["silent"]) < TOLERANCE


class TestRuns:
    @pytest.mark.parametrize("how", ["", ", passes apart", ", without guidance"])
    @pytest.mark.parametrize("variant", ["full", "simple"])
    def test_four_steps_are_as_released(self, found: dict, variant: str, how: str) -> None:
        assert found["runs"][variant + how] < TOLERANCE
        assert found["runs"]["effect"] > 0.1

    @pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m", "uni_pc", "lcm", "euler_ancestral"])
    def test_other_samplers_follow_too(self, found: dict, sampler: str) -> None:
        finite, effect = found["samplers"][sampler]
        assert finite
        assert effect > 0.1

    def test_it_acts_in_a_part_of_the_sampling_alone(self, found: dict) -> None:
        assert found["part_of_the_sampling"]["steps"] == [False, True, True, False]
        assert found["part_of_the_sampling"]["difference"] < TOLERANCE

    def test_videos_of_one_batch_get_the_same_conditions(self, found: dict) -> None:
        assert found["several_clips"] < TOLERANCE


class TestBesideOthers:
    def test_clones_know_nothing_of_each_other(self, found: dict) -> None:
        clones = found["clones"]
        assert clones["untouched"]
        assert clones["the first again"] == clones["the plain one"] == 0
        assert clones["the other"] < TOLERANCE

    def test_a_block_patch_gets_tokens_with_poses_whether_set_before_or_after(self, found: dict) -> None:
        patches = found["patches_of_others"]
        assert max(patches["before"], patches["after"]) < TOLERANCE
        assert patches["differ"] == 0
        assert patches["effect"] > 0.1

    def test_skipped_layers_skip_no_poses(self, found: dict) -> None:
        assert found["skipped_layers"].keys() == {"conditional", "unconditional", "simple's conditional"}
        assert max(found["skipped_layers"].values()) < TOLERANCE

    def test_context_windows_get_the_conditions_of_separate_videos(self, found: dict) -> None:
        windows = found["windows"]
        assert windows["spans"][0] == [0, 1, 2]
        assert windows["spans"][-1] == [4, 5, 6]
        assert windows["difference"] < TOLERANCE
        assert windows["finite"]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "other length",
            "The latents have 4 frames of 8x6, but Apply Animate-X++ got conditions for 3",
        ),
        ("other size", "The latents have 3 frames of 8x12, but Apply Animate-X++ got conditions"),
    ],
)
def test_what_does_not_fit_is_one_sentence(found: dict, case: str, said: str) -> None:
    assert found["complaints"][case].startswith(said)
    assert found["complaints"][case].endswith(".")
