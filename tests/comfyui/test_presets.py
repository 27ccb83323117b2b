"""Presets on nodes: they compute what their numbers compute, and graphs without one keep their numbers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from animatex_core.animate_x.checkpoint import DenoiserFile
from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.unet import AnimateXUNet
from tests.comfyui.graphs import CHANNELS, Prompt, conditioned, model_file, node, put_inputs
from tests.comfyui.server import Server, latents
from tests.support.small_bundles import DENOISER

FRAMES = 6  # more than the small model was trained on
OTHER = {"solver": "ddim", "steps": 2, "cfg": 3.0, "long_clip": "off", "frames_at_once": 3, "overlap": 1}
SMALL = {
    "solver": "dpm++2m",
    "steps": 1,
    "cfg": 1.0,
    "long_clip": "windows",
    "frames_at_once": 4,
    "overlap": 2,
}
STANDARD = {**SMALL, "steps": 12, "cfg": 2.5, "frames_at_once": 32, "overlap": 8}
OFFICIAL = {**OTHER, "steps": 30, "cfg": 2.5, "long_clip": "off"}
REST = {"seed": 1, "denoise": 1.0, "guidance_start": 0.0, "guidance_end": 1.0, "offset_noise": 0.1}
RELEASED = "with-the-released-training.safetensors"


@pytest.fixture(scope="module")
def ready(server: Server) -> Iterator[Server]:
    """A server with a generated model that was trained on what the official one was."""
    put_inputs(server.base / "input", FRAMES)
    config = replace(DENOISER, latent_channels=CHANNELS, attention_levels=(0,), multipliers=(1, 1))
    unet = AnimateXUNet(config)
    init_random_weights(unet, 0)
    context = torch.zeros(1, config.text_tokens, config.context_dim)
    with model_file(server.base, RELEASED, DenoiserFile(config, dict(unet.state_dict()), context)):
        yield server


def sampled(prompt: Prompt, **settings: Any) -> Prompt:
    sockets = {
        "model": ["model", 0],
        "positive": ["condition", 0],
        "negative": ["condition", 1],
        "latent_image": ["condition", 2],
    }
    return {
        **prompt,
        "sampler": node("AnimateXSampler", **sockets, **REST, **settings),
        "latents": node("SaveLatent", samples=["sampler", 0], filename_prefix="latents/preset"),
    }


def released() -> Prompt:
    return conditioned(RELEASED, FRAMES)


def small() -> Prompt:
    return conditioned(frames=FRAMES)


class TestSampler:
    @pytest.mark.parametrize(("prompt", "numbers"), [(small(), SMALL), (released(), STANDARD)])
    def test_automatic_computes_what_the_numbers_of_the_model_compute(
        self, ready: Server, prompt: Prompt, numbers: dict[str, Any]
    ) -> None:
        found = latents(ready, sampled(prompt, **OTHER, preset="automatic"))
        assert torch.equal(found, latents(ready, sampled(prompt, **numbers)))

    @pytest.mark.one_host
    @pytest.mark.parametrize(
        ("prompt", "preset", "numbers"),
        [
            (small(), "draft", {**SMALL, "steps": 8}),
            (released(), "official", OFFICIAL),
            (released(), "draft", {**STANDARD, "steps": 8}),
        ],
    )
    def test_a_preset_computes_what_its_numbers_compute(
        self, ready: Server, prompt: Prompt, preset: str, numbers: dict[str, Any]
    ) -> None:
        found = latents(ready, sampled(prompt, **OTHER, preset=preset))
        assert torch.equal(found, latents(ready, sampled(prompt, **numbers)))

    def test_graphs_without_a_preset_keep_their_numbers(self, ready: Server) -> None:
        found = latents(ready, sampled(small(), **OTHER))
        assert torch.equal(found, latents(ready, sampled(small(), **OTHER, preset="custom")))
        assert not torch.equal(found, latents(ready, sampled(small(), **OTHER, preset="automatic")))

    @pytest.mark.one_host
    def test_the_inputs_that_are_replaced_are_not_checked(self, ready: Server) -> None:
        invalid = {**OTHER, "steps": 27, "long_clip": "windows", "overlap": 9}
        assert latents(ready, sampled(small(), **invalid, preset="automatic")).isfinite().all()

    @pytest.mark.one_host
    def test_loops_are_closed(self, ready: Server) -> None:
        found = latents(ready, sampled(small(), **OTHER, preset="automatic", closed=True))
        assert torch.equal(found, latents(ready, sampled(small(), **SMALL, closed=True)))

    @pytest.mark.one_host
    def test_unknown_presets_are_refused(self, ready: Server) -> None:
        ours = "preset is 'fast', but it must be one of: custom, automatic, draft, standard, official."
        by_comfyui = "Value not in list: preset: 'fast'"  # since 0.30, before a node sees it
        found = ready.complaint(sampled(small(), **OTHER, preset="fast"))
        assert ours in found or by_comfyui in found


class TestSolver:
    @pytest.mark.one_host
    def test_it_gives_other_samplers_the_numbers(self, ready: Server) -> None:
        prompt = {
            **small(),
            "solver": node("AnimateXSolver", model=["model", 0], **SOLVER, preset="automatic"),
        }
        sockets = sampled(prompt)["sampler"]["inputs"]
        given = {name: sockets[name] for name in ("model", "positive", "negative", "latent_image", "seed")}
        ways = {"sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform", "denoise": 1.0}
        linked = node("KSampler", **given, **ways, steps=["solver", 2], cfg=["solver", 3])
        typed = node("KSampler", **given, **ways, steps=1, cfg=1.0)
        saved = sampled(prompt)
        found = [latents(ready, {**saved, "sampler": each}) for each in (linked, typed)]
        assert torch.equal(*found)

    @pytest.mark.one_host
    @pytest.mark.parametrize(("preset", "numbers"), [("draft", ("dpm++2m", 8)), ("official", ("ddim", 30))])
    def test_solver_and_steps_are_those_of_the_preset(
        self, ready: Server, preset: str, numbers: tuple[str, int]
    ) -> None:
        solver, steps = numbers
        found = [
            latents(ready, advanced(**SOLVER, preset=preset)),
            latents(ready, advanced(solver=solver, steps=steps, denoise=1.0)),
        ]
        assert torch.equal(*found)


SOLVER = {"solver": "ddim", "steps": 2, "denoise": 1.0}


def advanced(**solver: Any) -> Prompt:
    pair = {"positive": ["condition", 0], "negative": ["condition", 1]}
    parts = {
        "noise": ["noise", 0],
        "guider": ["guider", 0],
        "sampler": ["solver", 0],
        "sigmas": ["solver", 1],
    }
    return {
        **small(),
        "noise": node("AnimateXNoise", seed=1, offset_noise=0.1),
        "guider": node("CFGGuider", model=["model", 0], cfg=1.0, **pair),
        "solver": node("AnimateXSolver", model=["model", 0], **solver),
        "sampler": node("SamplerCustomAdvanced", **parts, latent_image=["condition", 2]),
        "latents": node("SaveLatent", samples=["sampler", 0], filename_prefix="latents/preset"),
    }
