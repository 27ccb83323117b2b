"""Run cases of the kinds `plus_image_prep`, `plus_scheduler` and `plus_teacache`."""

import json
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animatex_core.animate_x_plus.preprocessing import (
    reference_video,
    stretch_reference,
    wan_clip_image,
    with_mask_channels,
)
from animatex_core.animate_x_plus.sampling import FlowSchedule, euler, rounded_timesteps
from animatex_core.animate_x_plus.teacache import TeaCache, relative_change
from animatex_core.animate_x_plus.wan.transformer import build_wan
from animatex_core.encoders.preprocessing import clip_images, resize
from tests.animate_x_plus.reference_modules import assert_close
from tests.animate_x_plus.reference_wan import beside, wan_config
from tests.support.reference_weights import weight

Numbers = Mapping[str, np.ndarray]
Case = dict[str, Any]
TOLERANCE = 1e-5


def check_image_prep_case(numbers: Numbers, case: Case) -> None:
    """The reference picture for autoencoder and CLIP, the mask, driving frames and pose pictures."""
    width, height, tolerance = case["width"], case["height"], case.get("tolerance", TOLERANCE)
    reference = stretch_reference(_bytes(numbers["ref_image"]), width, height)
    video = reference_video(reference, case["num_frames"])
    assert video.shape[2] == case["num_frames"]
    assert_close(video[0, :, 0], numbers["vae_input_frame0"], tolerance)
    assert video[:, :, 1:].abs().max() == numbers["vae_input_rest_absmax"][0]
    assert_close(wan_clip_image(reference), numbers["clip_input"], tolerance)
    assert_close(with_mask_channels(torch.from_numpy(numbers["vae_latent"])), numbers["y"], 0)
    driving = _bytes(numbers["driving_frame"])
    assert_close(clip_images([driving])[0], numbers["q_former_input"], tolerance)
    # The picture of a pose is the driving frame here.
    assert np.array_equal(resize(driving, width, height), numbers["pose_resized"])


def check_scheduler_case(numbers: Numbers, case: Case) -> None:
    """Sigmas of several schedules, timesteps, and the loop on a toy model in two precisions."""
    tolerance = case.get("tolerance", 1e-6)
    steps, shift = _described_schedule(case)
    schedule = FlowSchedule.shifted(steps, shift)
    assert_close(schedule.sigmas[:-1], numbers["sigmas"], tolerance)
    assert_close(schedule.timesteps, numbers["timesteps"], 1000 * tolerance)
    assert_close(rounded_timesteps(schedule.timesteps), numbers["timesteps_bf16"], 0)
    for name, expected in numbers.items():
        if match := re.fullmatch(r"sigmas_(\d+)_shift([\d.]+)", name):
            other = FlowSchedule.shifted(int(match[1]), float(match[2]))
            assert_close(other.sigmas[:-1], expected, tolerance)
    for name, dtype in (("trajectory", torch.float32), ("trajectory_bf16", torch.bfloat16)):
        if name in numbers:
            visited = _toy_trajectory(torch.from_numpy(numbers["toy_x0"]).to(dtype), schedule)
            kept = torch.stack([visited[int(step)] for step in numbers["trajectory_steps"]])
            assert_close(kept.float(), numbers[name], 1e-5 if dtype == torch.float32 else 0)


def check_teacache_case(numbers: Numbers, case: Case) -> None:
    """Which steps are skipped, from the modulation of a small transformer."""
    steps = len(numbers["rel_change"]) + 1
    modulations = _modulations(steps, case)
    changes = torch.stack([relative_change(a, b) for a, b in pairwise(modulations)])
    assert_close(changes, numbers["rel_change"], case.get("tolerance", 1e-5))
    for threshold, counted in case["skipped"].items():
        cache = TeaCache(steps, float(threshold), tuple(case["coefficients"]))
        skipped = [cache.skips(modulation) for modulation in modulations]
        for branch in range(2):
            assert skipped == numbers[f"skipped_{threshold}"][:, branch].astype(bool).tolist()
        assert sum(skipped) == counted["skipped_cond"] == counted["skipped_uncond"]


def _bytes(picture: np.ndarray) -> np.ndarray:
    assert np.array_equal(picture, picture.astype(np.uint8))
    return picture.astype(np.uint8)


def _described_schedule(case: Case) -> tuple[int, float]:
    match = re.search(r"set_timesteps\((\d+), shift=([\d.]+)\)", case["what"])
    assert match
    return int(match[1]), float(match[2])


def _toy_trajectory(x: Tensor, schedule: FlowSchedule) -> list[Tensor]:
    visited: list[Tensor] = []

    def toy(x: Tensor, t: Tensor) -> Tensor:
        visited.append(x)
        return 0.3 * x + torch.sin(t.to(x.dtype) / 1000).view(-1, 1, 1, 1, 1)

    last = euler(toy, x, schedule)
    return [*visited[1:], last]


def _modulations(steps: int, case: Case) -> list[Tensor]:
    """The timestep's projection at every step, of the transformer of `dit_small` as the case changes it."""
    named = re.search(r"the DiT is (\w+)", case["what"])
    assert named
    model = json.loads(beside(case, f"{named[1]}.json").read_text(encoding="utf-8"))["model"]
    config = wan_config(model, 1280, 257)
    match = re.search(r"time_projection\.1\.weight multiplied by ([\d.]+)", case["what"])
    factor = np.float32(match[1] if match else 1)
    transformer: Any = build_wan(config)
    embedder = transformer.condition_embedder
    layers = {
        "time_embedding.0": embedder.time_embedder.linear_1,
        "time_embedding.2": embedder.time_embedder.linear_2,
        "time_projection.1": embedder.time_proj,
    }
    for name, layer in layers.items():
        for part, parameter in layer.named_parameters():
            values = weight(f"{name}.{part}", tuple(parameter.shape))
            scaled = values * factor if (name, part) == ("time_projection.1", "weight") else values
            parameter.data = torch.from_numpy(scaled)
    with torch.no_grad():
        return [_modulation(embedder, t) for t in FlowSchedule.shifted(steps).timesteps]


def _modulation(embedder: Any, timestep: Tensor) -> Tensor:
    embedded: Callable[[Tensor], Tensor] = embedder.time_embedder
    return embedder.time_proj(embedder.act_fn(embedded(embedder.timesteps_proj(timestep.view(1)))))
