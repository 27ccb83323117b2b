from typing import Any

import pytest
import torch

from tests.comfyui.graphs import CHANNELS, FRAMES, HEIGHT, WIDTH, node, put_inputs, sampled_by_pack
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.server import Server, cached_nodes, latents

ROUNDING = 1e-5
TOO_LARGE = (
    "The video does not fit into memory: set long_clip to windows or segments and lower frames_at_once"
)


@pytest.fixture(scope="module")
def seen(comfyui: Host) -> dict[str, Any]:
    return run_probe("sample", comfyui)


@pytest.mark.parametrize(
    "case",
    [
        "ddim",
        "dpm++2m",
        "no guidance",
        "interval",
        "windows",
        "uneven windows",
        "segments",
        "uneven segments",
        "no offset",
        "closed windows",
        "closed",
        "alternating windows",
        "closed alternating windows",
        "many alternating windows",
    ],
)
def test_the_result_is_that_of_the_core(seen: dict, case: str) -> None:
    assert seen["equals_the_core"][case] < ROUNDING


class TestLatents:
    def test_the_less_denoise_the_more_is_left_of_them(self, seen: dict) -> None:
        left = seen["denoise"]
        assert left["0.0"] > 0.999 > left["0.1"] > 0.9 > left["0.5"] > left["0.9"] > left["1.0"]
        assert abs(left["1.0"]) < 0.05
        assert left["0.1, segments"] == pytest.approx(left["0.1"], abs=0.02)
        assert left["0.5, dpm++2m"] == pytest.approx(left["0.5"], abs=0.2)

    def test_without_denoise_they_are_handed_on(self, seen: dict) -> None:
        assert seen["nothing_to_do"] == 0

    @pytest.mark.parametrize("plan", ["whole", "windows", "segments", "alternating windows"])
    def test_masked_frames_stay_and_the_others_do_not(self, seen: dict, plan: str) -> None:
        changes = seen["mask"][plan]
        assert [change > 1 for change in changes] == [False, True, True, False, True]
        assert max(changes[0], changes[3]) < ROUNDING

    def test_what_else_a_latent_holds_stays(self, seen: dict) -> None:
        assert seen["extras_stay"] == ["batch_index", "of another node", "samples"]


def test_given_frames_are_held_as_in_the_core(seen: dict) -> None:
    found = seen["given_frames"]
    assert max(found["exact"], found["soft"]) < 1e-4
    assert found["exact, apart"] < ROUNDING < 0.1 < found["soft, apart"]


@pytest.mark.parametrize("plan", ["whole", "windows"])
def test_pose_strength_is_that_of_the_core(seen: dict, plan: str) -> None:
    found = seen["pose_strength"]
    assert found[plan] < ROUNDING < 0.01 < found[f"{plan}, changes"]


class TestHooks:
    def test_wrappers_see_both_passes_where_guidance_applies(self, seen: dict) -> None:
        batches = seen["wrapper_sees_every_pass"]
        assert batches["guided"] == [10] * 4
        assert batches["interval"] == [5, 10, 5, 5]
        assert batches["segments"] == [8] * 8

    def test_guidance_hooks_run_with_its_scale(self, seen: dict) -> None:
        assert seen["hooks"]["post cfg"] > 0.1
        assert seen["hooks"]["scales"] == [1, 2.5, 1, 1]

    @pytest.mark.parametrize("patch", ["RescaleCFG", "another schedule"])
    def test_patches_of_the_model_act(self, seen: dict, patch: str) -> None:
        assert 0.01 < seen["hooks"][patch] < 10


class TestProgress:
    def test_one_bar_counts_the_steps_of_all_segments(self, seen: dict) -> None:
        for name, steps in (("whole", 4), ("segments", 8)):
            reports = seen["progress"][name]
            every = [[step, steps, None] for step in range(1, steps + 1)]
            # Newer versions of ComfyUI show the first and the last, and others where time has passed.
            assert reports == [report for report in every if report in reports]
            assert [reports[0], reports[-1]] == [every[0], every[-1]]

    def test_previews_show_a_frame(self, seen: dict) -> None:
        assert seen["progress"]["previews"] == [[step, 4, [8, 16]] for step in range(1, 5)]

    def test_previews_go_through_the_frames(self, seen: dict) -> None:
        assert seen["progress"]["previewed"] == [0, 1, 2, 4]


@pytest.mark.parametrize("case", ["first", "third", "segments", "windows", "alternating windows"])
def test_an_interrupted_clip_stops_before_its_next_window_and_leaves_nothing(seen: dict, case: str) -> None:
    expected = {"calls after": 0, "windows after": 0, "tensors left": 0}
    assert seen["interruption"][case] == expected


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("model", "The MODEL is not Animate-X: connect"),
        ("prompt", "The conditioning was not made for Animate-X: connect"),
        ("empty", "A conditioning is empty: connect"),
        ("frames", "The latents are (9, 4, 16, 8), but the conditioning was made for 5 frames"),
        ("frames of segments", "The latents are (9, 4, 16, 8), but"),
        ("rank", "The latents are (4, 4, 8), but"),
        ("channels", "The latents are (5, 16, 16, 8), but"),
        ("denoise", "denoise is 1.5, but it must be in 0..1: use 0"),
        ("NaN", "The video became NaN or infinite: load"),
        ("memory of the CPU", f"OutOfMemoryError, context None: {TOO_LARGE}"),
        ("memory of a GPU", f"OutOfMemoryError, context None: {TOO_LARGE}"),
        ("another error", "RuntimeError: of another kind"),
    ],
)
def test_what_cannot_work_is_one_sentence(seen: dict, case: str, said: str) -> None:
    assert seen["complaints"][case].startswith(said)


@pytest.fixture
def running(server: Server) -> Server:
    put_inputs(server.base / "input")
    return server


class TestNode:
    @pytest.mark.parametrize("plan", ["off", "windows", "segments", "alternating"])
    @pytest.mark.parametrize("solver", ["ddim", "dpm++2m"])
    def test_gives_finite_latents(self, running: Server, solver: str, plan: str) -> None:
        found = latents(running, sampled_by_pack(solver=solver, long_clip=plan))
        assert found.shape == (FRAMES, CHANNELS, HEIGHT // 8, WIDTH // 8)
        assert found.isfinite().all()

    def test_a_seed_decides_the_clip_and_reruns_no_more_than_the_sampler(self, running: Server) -> None:
        first, again = (latents(running, sampled_by_pack(seed=seed, steps=1)) for seed in (21, 21))
        assert torch.equal(first, again)
        history = running.run(sampled_by_pack(seed=22, steps=1))
        assert cached_nodes(history) == sampled_by_pack().keys() - {"sampler", "latents"}

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ({"steps": 27}, "steps is 27, but the official DDIM needs at least 1 step"),
            ({"guidance_start": 0.8, "guidance_end": 0.2}, "guidance goes from 0.8 to 0.2, but these are"),
            ({"long_clip": "windows", "overlap": 2}, "windows of 2 frames overlap by 2: use a smaller"),
            ({"long_clip": "segments", "frames_at_once": 1}, "segment size is 1"),
            ({"long_clip": "alternating", "frames_at_once": 1}, "window size is 1"),
            ({"long_clip": "alternating", "steps": 1, "solver": "dpm++2m"}, "but there is 1 step"),
            ({"steps": 900, "denoise": 0.5, "solver": "dpm++2m"}, "use 1 to 500 steps."),
            ({"long_clip": "segments", "closed": True}, "A loop cannot be sampled in segments"),
            ({"extend": 2}, "extend is 2, but first is not connected"),
            ({"extend": 2, "closed": True}, "closed is on and extend is 2, but"),
            ({"extend": 9, "first": ["condition", 2]}, "extend is 9, but first has only 3 frames"),
            ({"first": ["condition", 2]}, "The given first frames are latents of (3, 4, 16, 8), but"),
        ],
    )
    def test_settings_that_cannot_work_are_one_sentence(
        self, running: Server, inputs: dict[str, Any], said: str
    ) -> None:
        found = running.complaint(sampled_by_pack(**inputs))
        assert said in found
        assert "\n" not in found

    def test_a_finished_clip_is_continued_without_doubled_frames(self, running: Server) -> None:
        prompt = sampled_by_pack(steps=1, cfg=1.0, solver="dpm++2m")
        before = latents(running, prompt)
        other = {
            **prompt["sampler"]["inputs"],
            "seed": 5,
            "first": ["sampler", 0],
            "extend": 2,
        }
        joined = {**prompt, "more": node("AnimateXSampler", **other)}
        joined["latents"] = node("SaveLatent", samples=["more", 0], filename_prefix="latents/joined")
        found = latents(running, joined)
        assert len(found) == 2 * FRAMES - 2
        assert torch.equal(found[:FRAMES], before)
        assert found.isfinite().all()

    def test_a_plan_that_is_not_offered_is_refused(self, running: Server) -> None:
        ours = "long_clip is 'window', but it must be one of: off, windows, segments, alternating."
        by_comfyui = "Value not in list: long_clip: 'window'"  # since 0.30, before a node sees it
        found = running.complaint(sampled_by_pack(long_clip="window"))
        assert ours in found or by_comfyui in found
