from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.comfyui.graphs import (
    CHANNELS,
    FRAMES,
    HEIGHT,
    WIDTH,
    Prompt,
    conditioned,
    decoded,
    node,
    poses,
    put_inputs,
    sampled,
)
from tests.comfyui.server import Server, latents

VAE = ["encoders", 1]


@pytest.fixture(scope="module", autouse=True)
def _inputs(server: Server) -> None:
    put_inputs(server.base / "input")


def pictures(server: Server, prompt: Prompt) -> list[Path]:
    return server.files(server.run(prompt))


def with_pose(file: str) -> Prompt:
    return {"own": poses(file), **conditioned(reference_pose=["own", 0])}


class TestKSampler:
    @pytest.mark.parametrize("sampler", ["ddim", "euler", "dpmpp_2m"])
    def test_gives_finite_latents(self, server: Server, sampler: str) -> None:
        found = latents(server, sampled(conditioned(), sampler_name=sampler))
        assert found.shape == (FRAMES, CHANNELS, HEIGHT // 8, WIDTH // 8)
        assert found.isfinite().all()

    def test_the_clip_is_decoded(self, server: Server) -> None:
        found = pictures(server, decoded(sampled(conditioned())))
        assert len(found) == FRAMES
        assert Image.open(found[0]).size == (WIDTH, HEIGHT)

    def test_a_single_frame_is_a_clip(self, server: Server) -> None:
        one = {**conditioned(frames=1), "poses": poses("own.json")}
        assert latents(server, sampled(one)).shape[0] == 1


class TestReference:
    def test_every_form_of_it_says_something_else(self, server: Server) -> None:
        forms = ("picture", "latents", "both", "automatic")
        prompts = [conditioned(reference_form=form, vae=VAE) for form in forms]
        one, two, three, released = (latents(server, sampled(prompt)) for prompt in prompts)
        assert torch.equal(one, released)
        assert not torch.equal(one, two)
        assert not torch.equal(two, three)

    def test_a_pose_of_its_own_counts_unless_nobody_is_seen(self, server: Server) -> None:
        without = latents(server, sampled(conditioned()))
        assert torch.equal(latents(server, sampled(with_pose("nobody.json"))), without)
        assert not torch.equal(latents(server, sampled(with_pose("own.json"))), without)

    def test_stretching_it_is_said(self, server: Server) -> None:
        server.run(sampled(conditioned(width=128)))
        assert "32x64 pixels and is stretched to 128x128" in server.log

    def test_zeroed_out_it_says_nothing(self, server: Server) -> None:
        zeroed = {**conditioned(), "zero": node("ConditioningZeroOut", conditioning=["condition", 0])}
        negative = latents(server, sampled(zeroed, positive=["condition", 1]))
        assert torch.equal(latents(server, sampled(zeroed, positive=["zero", 0])), negative)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"width": 100}, "width is 100 pixels, but it must be a multiple of 64: use 128."),
        (
            {"reference_form": "both"},
            "reference form both needs a VAE: connect one, or use the form picture.",
        ),
        ({"poses": ["short", 0]}, "There are poses of 2 frames and features of 3 for a video of 2"),
    ],
)
def test_conditions_that_do_not_fit_are_one_sentence(
    server: Server, inputs: dict[str, Any], said: str
) -> None:
    found = server.complaint(sampled({"short": poses("short.json"), **conditioned(**inputs)}))
    assert said in found
    assert "\n" not in found


def test_features_need_a_pose_for_every_frame(server: Server) -> None:
    found = server.complaint(sampled(conditioned(frames=FRAMES + 1)))
    assert found == (
        "There are 4 driving frames, but poses of 3: use frames and poses of the same part of one video."
    )


def test_other_latents_than_its_own_are_refused(server: Server) -> None:
    other = node("EmptyLatentImage", width=WIDTH, height=HEIGHT, batch_size=5)
    found = server.complaint(sampled({**conditioned(), "other": other}, latent_image=["other", 0]))
    assert found.startswith(
        f"The latents are (5, {CHANNELS}, 16, 8), but the conditioning was made for 3 frames"
    )


def test_nodes_of_comfyui_take_the_built_in_encoders(server: Server) -> None:
    encoded = {
        **conditioned(),
        "seen": node("CLIPVisionEncode", clip_vision=["encoders", 0], image=["picture", 0], crop="center"),
        "shown": node("PreviewAny", source=["seen", 0]),
        "encoded": node("VAEEncode", pixels=["picture", 0], vae=VAE),
        "latents": node("SaveLatent", samples=["encoded", 0], filename_prefix="latents/picture"),
    }
    assert latents(server, encoded).shape == (1, CHANNELS, 8, 4)
