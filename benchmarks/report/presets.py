"""What the presets of the sampling change, compared with 50 steps of DDIM of the same network.

The clips are animations of the demo's characters by the built-in models. The guidance and windows of the 50
steps are those of the preset, and the pixels that move in them count.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial

from animatex_core.animate_x.animation import Animation
from animatex_core.animate_x.presets import PRESETS, SamplingPreset, resolve_preset
from animatex_core.assets.demo_files import CHARACTERS, CLIP, DANCE
from animatex_core.errors import AnimateXWarning

from .rows import Options, Source

FRAMES, SIZE, TRAINED_FRAMES = 8, (128, 192), 4
STEPS = 50


def _resolved(preset: str) -> SamplingPreset:
    return resolve_preset(preset, TRAINED_FRAMES, starts_from_puppet=True)


def _row(preset: str) -> str:
    passes = _resolved(preset).passes
    number = "1 pass" if passes == 1 else f"{passes} passes"
    return f"preset {preset} with the built-in models, {number}: PSNR of moving pixels"


ROWS = {preset: _row(preset) for preset in PRESETS}


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return the PSNR of each character by preset. Nothing is random, so there is one round."""
    from animatex_core.animate_x.pipeline import AnimateXPipeline

    pipeline = AnimateXPipeline.from_bundle("small", device="cpu")
    assert pipeline.networks.trained_on.frames == TRAINED_FRAMES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnimateXWarning)  # of more frames than in training
        by_character = [
            _compared(partial(pipeline, character, CLIP, poses=DANCE, frames=FRAMES, size=SIZE, seed=0))
            for character in sorted(CHARACTERS.glob("*.png"))
        ]
    return {row: [values[preset] for values in by_character] for preset, row in ROWS.items()}


def _compared(animate: Callable[..., Animation]) -> dict[str, float]:
    """Return the PSNR of each preset; those with the same guidance and windows share their reference."""
    from animatex_core.training.small_models.scores import moving_psnr

    references: dict[object, Animation] = {}
    values: dict[str, float] = {}
    for preset in PRESETS:
        resolved = _resolved(preset)
        key = resolved.sampling.guidance, resolved.window
        if key not in references:
            references[key] = animate(preset=preset, solver="ddim", steps=STEPS)
        values[preset] = moving_psnr(animate(preset=preset).frames, references[key].frames)
    return values


SOURCE = Source("presets", tuple(ROWS.values()), measure, unit=" dB")
