"""The solvers and the noise behind samplers of ComfyUI: argv is the folder of ComfyUI. Prints JSON."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import SHAPE, latents, pair
from tests.comfyui.probes.pack import complaint, pack
from tests.comfyui.probes.reports import report
from tests.comfyui.probes.sample_setting import PLAIN, as_clip, core, difference, host, model

import comfy.model_sampling  # isort: skip
from comfy.samplers import CFGGuider  # isort: skip
from comfy_extras import nodes_custom_sampler as custom  # isort: skip
from comfy_extras.nodes_model_advanced import ModelSamplingDiscrete  # isort: skip

build_sampler = pack("nodes.comfy.solvers").build_sampler
VideoNoise = pack("nodes.comfy.solvers").VideoNoise
initial_noise = pack("animatex_core.diffusion.schedule").initial_noise
NOISE = VideoNoise(PLAIN.seed, PLAIN.offset_noise)


def advanced(sampler: Any, plan: Tensor, noise: Any = NOISE, samples: Tensor | None = None) -> Tensor:
    """Sample with SamplerCustomAdvanced and a CFGGuider; return what VAE Decode would get."""
    guider = CFGGuider(model())
    guider.set_conds(*pair())
    guider.set_cfg(2.5)
    given = {"samples": latents() if samples is None else samples}
    return custom.SamplerCustomAdvanced().sample(noise, guider, sampler, plan, given)[0]["samples"]


def equals_the_core() -> dict[str, float]:
    found = {}
    for solver, steps in (("ddim", 4), ("ddim", 30), ("dpm++2m", 4)):
        sampler, plan = build_sampler(model(), solver, steps, 1.0)
        done = as_clip(advanced(sampler, plan))
        expected = core(replace(PLAIN, solver=solver, steps=steps))
        found[f"{solver} {steps}"] = difference(done, expected)
    return found


def denoise() -> float:
    samples = torch.randn(latents().shape, generator=torch.Generator().manual_seed(3))
    sampler, plan = build_sampler(model(), "dpm++2m", 4, 0.4)
    done = advanced(sampler, plan, samples=samples)
    expected = host(replace(PLAIN, solver="dpm++2m"), denoise=0.4, samples=samples)
    return difference(as_clip(done), expected)


def in_two_parts() -> dict[str, float]:
    """Stop on the way, still noisy, and go on without new noise."""
    found = {}
    for name, split in (("early", 1), ("late", 3)):
        sampler, sigmas = build_sampler(model(), "ddim", 4, 1.0)
        high, low = custom.SplitSigmas().get_sigmas(sigmas, split)
        halfway = advanced(sampler, high)
        done = advanced(sampler, low, custom.Noise_EmptyNoise(), halfway)
        found[name] = difference(as_clip(done), core())
    return found


def sigmas() -> dict[str, list[float]]:
    cases = {"ddim": ("ddim", 4, 1.0), "dpm++2m": ("dpm++2m", 4, 1.0), "late": ("dpm++2m", 2, 0.5)}
    cases["none"] = ("ddim", 4, 0.0)
    table = model().get_model_object("model_sampling")
    return {
        name: [int(table.timestep(sigma)) if sigma else -1 for sigma in build_sampler(model(), *case)[1]]
        for name, case in cases.items()
    }


def other_schedules() -> dict[str, bool]:
    found = {}
    for name, solver in (("simple", "ddim"), ("normal", "dpm++2m"), ("karras", "dpm++2m"), ("beta", "ddim")):
        plan = custom.BasicScheduler().get_sigmas(model(), name, 4, 1.0)[0]
        sampler = build_sampler(model(), solver, 4, 1.0)[0]
        found[f"{name}, {solver}"] = bool(advanced(sampler, plan).isfinite().all())
    return found


def few_sigmas() -> dict[str, list[int]]:
    sampler = build_sampler(model(), "ddim", 4, 1.0)[0]
    cases = {"none": [], "one": [1.0], "clean": [0.0], "highest": [4518.0], "one step": [1.0, 0.0]}
    return {name: list(advanced(sampler, torch.tensor(plan)).shape) for name, plan in cases.items()}


def noise() -> dict[str, Any]:
    found = NOISE.generate_noise({"samples": latents()})
    expected = initial_noise(SHAPE.latents(), PLAIN.seed, 0.1)
    return {"difference": (found.transpose(0, 1)[None] - expected).abs().max().item(), "seed": NOISE.seed}


def complaints() -> dict[str, str]:
    sampler, plan = build_sampler(model(), "ddim", 4, 1.0)
    distilled = ModelSamplingDiscrete().patch(model(), "lcm", False)[0]
    flow = model().clone()
    flow.add_object_patch("model_sampling", comfy.model_sampling.ModelSamplingFlux())
    cases: dict[str, Callable[[], Any]] = {
        "rising": lambda: advanced(sampler, plan.flip(0)),
        "steps": lambda: build_sampler(model(), "ddim", 27, 1.0),
        "denoise": lambda: build_sampler(model(), "dpm++2m", 900, 0.5),
        "noise": lambda: NOISE.generate_noise({"samples": torch.zeros(1, 4, 5, 16, 8)}),
        "seed": lambda: VideoNoise(-1, 0.1).generate_noise({"samples": latents()}),
        "distilled": lambda: build_sampler(distilled, "ddim", 4, 1.0),
        "flow": lambda: build_sampler(flow, "ddim", 4, 1.0),
    }
    return {name: complaint(case) for name, case in cases.items()}


if __name__ == "__main__":
    report(equals_the_core, denoise, in_two_parts, sigmas, other_schedules, few_sigmas, noise, complaints)
