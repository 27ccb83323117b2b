"""The pack's sampling and that of the core of the same clip, in the same scale.

Import it in a process whose first argument is the folder of ComfyUI.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from torch import Tensor

from tests.comfyui.probes.model_setting import FILE, SHAPE, generated, inputs, latents, load, pair, sampling
from tests.comfyui.probes.pack import pack

import comfy.utils  # isort: skip
from comfy.latent_formats import SD15  # isort: skip

sample_video = pack("nodes.comfy.sampling").sample_video
Guidance = pack("animatex_core.diffusion.guidance").Guidance
SamplingSettings, Windows, Segments = sampling.SamplingSettings, sampling.Windows, sampling.Segments

PLAIN = SamplingSettings(steps=4, seed=7)
FRAMES = SHAPE.frames

comfy.utils.PROGRESS_BAR_ENABLED = False


@cache
def model() -> Any:
    """Return the MODEL; clone it before you change it."""
    return load()


def core(settings: Any = PLAIN) -> Tensor:
    """Sample a clip (1, 4, f, h, w) through the core alone."""
    conds = replace(inputs(), text_context=FILE.text_context)
    return sampling.sample_latents(generated.dummy_components().unet, conds, settings)


def host(settings: Any = PLAIN, patcher: Any = None, denoise: float = 1.0, **latent: Any) -> Tensor:
    """Sample it as the node does, in the scale of the core."""
    given = {"samples": latents(), **latent}
    return as_clip(sample_video(patcher or model(), tuple(pair()), given, settings, denoise)["samples"])


def as_clip(samples: Tensor) -> Tensor:
    return SD15().process_in(samples).transpose(0, 1)[None]


def difference(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference in standard deviations."""
    return ((found - expected).abs().max() / expected.std()).item()
