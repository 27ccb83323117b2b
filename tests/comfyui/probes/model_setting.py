"""The built-in model inside ComfyUI's own modules, and conditions for it: what measurements are made with.

Import it in a process whose first argument is the folder of ComfyUI.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.pack import pack, start

start(sys.argv[1])

import comfy.sample  # noqa: E402 - known only from here on
import comfy.samplers  # noqa: E402
from comfy.latent_formats import SD15  # noqa: E402

conditions = pack("nodes.comfy.conditioning")
loading = pack("nodes.comfy.loading")
generated = pack("animatex_core.animate_x.components")
sampling = pack("animatex_core.animate_x.sampling")
ClipShape = pack("animatex_core.animate_x.shapes").ClipShape
ConditionInputs = pack("animatex_core.animate_x.conditions").ConditionInputs
_windows = pack("animatex_core.diffusion.long_clips")
_schedule = pack("animatex_core.diffusion.schedule").NoiseSchedule.released()

CPU = torch.device("cpu")
FILE = generated.dummy_denoiser()
SHAPE = ClipShape(64, 128, 5)
WINDOWS = sampling.Windows(3, 1)
CFG = 2.5


def load(weight_dtype: str = "default", **changes: Any) -> Any:
    return loading.load_model(replace(FILE, **changes), "the built-in model", weight_dtype)


def inputs(shape: Any = SHAPE, width: int = 64, text: Tensor = conditions.EMBEDDED_TEXT) -> Any:
    generator = torch.Generator().manual_seed(0)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator)

    frames = shape.frames + 1
    return ConditionInputs(
        shape=shape,
        text_context=text,
        image_embedding=normal(1, 1, width),
        reference_image=normal(1, 3, 1, shape.height, shape.width).sigmoid(),
        reference_latents=normal(1, 4, 1, *shape.latent_size),
        pose_pictures=normal(1, 3, frames, shape.height, shape.width).sigmoid(),
        keypoints=normal(1, frames, 2, 18).sigmoid(),
        clip_features=normal(1, frames, width),
    )


def pair(windows: Any = None, **options: Any) -> list[Any]:
    """Return the positive and the negative conditioning."""
    return [
        conditions.with_windows(conds, windows) for conds in conditions.conditioning_pair(inputs(**options))
    ]


def latents(shape: Any = SHAPE) -> Tensor:
    return torch.zeros(shape.frames, 4, *shape.latent_size)


def noise(shape: Any = SHAPE) -> Tensor:
    return comfy.sample.prepare_noise(latents(shape), 1)


def sample(
    patcher: Any, conds: list[Any], sampler: str = "euler", plan: str = "normal", shape: Any = SHAPE
) -> Tensor:
    """Sample three steps as KSampler does."""
    return comfy.sample.sample(
        patcher, noise(shape), 3, CFG, sampler, plan, *conds, latents(shape), disable_pbar=True, seed=1
    )


class Probe(comfy.samplers.Sampler):
    """Asks the guided model once, at a timestep, what pure noise would be without its noise."""

    def __init__(self, timestep: int) -> None:
        self.timestep = timestep

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, *rest):
        sigma = model_wrap.inner_model.model_sampling.sigmas[self.timestep]
        x = noise * (1 + sigma**2).sqrt()  # ComfyUI's x grows with the noise
        return model_wrap(x, sigma.expand(len(x)), **extra_args)


def guess(patcher: Any, conds: list[Any], timestep: int = 500, cfg: float = CFG) -> Tensor:
    """Return the guided guess at the clean latents (f, 4, h, w), through the whole of ComfyUI."""
    found = comfy.samplers.sample(
        patcher, noise(), *conds, cfg, CPU, Probe(timestep), torch.ones(2), latent_image=latents(), seed=1
    )
    return SD15().process_in(found)


def core_guess(timestep: int = 500, cfg: float = CFG, windows: Any = None) -> Tensor:
    """Return the same through the core alone."""
    unet = generated.dummy_components().unet
    conds = replace(inputs(), text_context=FILE.text_context)

    def denoiser(conds: Any) -> Callable[[Tensor, Tensor], Tensor]:
        said, unsaid = unet.encode(conds), unet.encode(conds.unconditional())
        return lambda x, t: torch.lerp(unet(x, t, unsaid), unet(x, t, said), cfg)

    frames = SHAPE.frames
    spans = _windows.overlapping_windows(
        frames, *((windows.size, windows.overlap) if windows else (frames, 0))
    )
    v = _windows.blend_windows([denoiser(conds.window(span.start, span.stop)) for span in spans], spans)
    x, t = noise().transpose(0, 1)[None], torch.tensor([timestep])
    return _schedule.x0_from_v(x, v(x, t), t)[0].transpose(0, 1)


def apart(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()


def relative_error(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()
