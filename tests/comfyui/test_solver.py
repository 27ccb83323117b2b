from typing import Any

import pytest

from tests.comfyui.graphs import Prompt, conditioned, node, put_inputs
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.server import Server

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def seen(comfyui: Host) -> dict[str, Any]:
    return run_probe("solver", comfyui)


class TestSamplerCustomAdvanced:
    @pytest.mark.parametrize("case", ["ddim 4", "ddim 30", "dpm++2m 4"])
    def test_the_result_is_that_of_the_core(self, seen: dict, case: str) -> None:
        assert seen["equals_the_core"][case] < ROUNDING

    def test_a_part_of_the_way_is_that_of_the_sampler(self, seen: dict) -> None:
        assert seen["denoise"] < ROUNDING

    @pytest.mark.parametrize("split", ["early", "late"])
    def test_a_way_may_be_taken_in_two_parts(self, seen: dict, split: str) -> None:
        assert seen["in_two_parts"][split] < ROUNDING

    def test_schedules_of_comfyui_can_be_taken(self, seen: dict) -> None:
        assert len(seen["other_schedules"]) == 4
        assert all(seen["other_schedules"].values())

    @pytest.mark.parametrize("case", ["none", "one", "clean", "highest", "one step"])
    def test_few_sigmas_or_none_are_a_short_way(self, seen: dict, case: str) -> None:
        assert seen["few_sigmas"][case] == [5, 4, 16, 8]


@pytest.mark.parametrize(
    ("case", "timesteps"),
    [
        ("ddim", [751, 501, 251, 1, 0]),
        ("dpm++2m", [999, 749, 499, 249, -1]),
        ("late", [499, 249, -1]),
        ("none", []),
    ],
)
def test_sigmas_are_those_of_the_solvers_timesteps(seen: dict, case: str, timesteps: list[int]) -> None:
    assert seen["sigmas"][case] == timesteps


def test_noise_is_drawn_as_released(seen: dict) -> None:
    assert seen["noise"] == {"difference": 0, "seed": 7}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("rising", "The SIGMAS are empty, or do not decrease from a finite value to 0 or more: connect"),
        ("steps", "steps is 27, but the official DDIM"),
        ("denoise", "steps is 900 at a denoise of 0.5, but"),
        ("noise", "The latents are (1, 4, 5, 16, 8), but a video is (frames, 4, height, width): connect"),
        ("seed", "seed is -1, but it must be a whole number that fits into 64 bits"),
        ("distilled", "The model has 50 timesteps, but Animate-X was trained with 1000: remove"),
        ("flow", "The MODEL does not sample by timesteps: connect"),
    ],
)
def test_what_cannot_work_is_one_sentence(seen: dict, case: str, said: str) -> None:
    assert seen["complaints"][case].startswith(said)


def advanced(steps: int = 2, **sockets: Any) -> Prompt:
    """Sample with SamplerCustomAdvanced and show how it went."""
    parts = {
        "noise": ["noise", 0],
        "guider": ["guider", 0],
        "sampler": ["solver", 0],
        "sigmas": ["solver", 1],
        "latent_image": ["condition", 2],
    }
    pair = {"positive": ["condition", 0], "negative": ["condition", 1]}
    return {
        **conditioned(),
        "noise": node("AnimateXNoise", seed=1, offset_noise=0.1),
        "guider": node("CFGGuider", model=["model", 0], cfg=2.5, **pair),
        "solver": node("AnimateXSolver", model=["model", 0], solver="ddim", steps=steps, denoise=1.0),
        "karras": node("KarrasScheduler", steps=40, sigma_max=4.0, sigma_min=0.0001, rho=7.0),
        "flipped": node("FlipSigmas", sigmas=["solver", 1]),
        "sampler": node("SamplerCustomAdvanced", **{**parts, **sockets}),
        "latents": node("SaveLatent", samples=["sampler", 0], filename_prefix="latents/advanced"),
    }


class TestNodes:
    @pytest.fixture(autouse=True)
    def _inputs(self, server: Server) -> None:
        put_inputs(server.base / "input")

    def test_they_work_together(self, server: Server) -> None:
        assert "latents" in server.run(advanced())["outputs"]

    def test_steps_that_fall_together_are_reported(self, server: Server) -> None:
        server.run(advanced(sigmas=["karras", 0]))
        assert "The SIGMAS have 40 steps, but several round to the same timestep of the model" in server.log

    @pytest.mark.parametrize(
        ("prompt", "said"),
        [(advanced(sigmas=["flipped", 0]), "The SIGMAS are empty"), (advanced(steps=27), "steps is 27")],
    )
    def test_what_cannot_work_is_one_sentence(self, server: Server, prompt: Prompt, said: str) -> None:
        found = server.complaint(prompt)
        assert found.startswith(said)
        assert "\n" not in found
