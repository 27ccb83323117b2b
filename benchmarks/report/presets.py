"""What the presets of the sampling change, compared with 50 steps of DDIM of the same network.

The clips are animations of the demo's characters by the built-in models, which need no guidance. So the
preset *standard* is also measured with the guidance that it has with the official weights. The guidance and
windows of the 50 steps are those of the preset.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from animatex_core.animate_x.animation import Animation
from animatex_core.animate_x.defaults import OFFICIAL
from animatex_core.animate_x.presets import PRESETS, SamplingPreset, resolve_preset
from animatex_core.assets.demo_files import CHARACTERS, CLIP, DANCE
from animatex_core.errors import AnimateXWarning

from .rows import Options, Source

FRAMES, SIZE, TRAINED_FRAMES = 8, (128, 192), 4
STEPS = 50


@dataclass(frozen=True)
class Measured:
    """A preset as it is measured; `guided` with the guidance of the official weights."""

    preset: str
    guided: bool = False

    @property
    def resolved(self) -> SamplingPreset:
        """What it means for the built-in models."""
        own = resolve_preset(self.preset, TRAINED_FRAMES, starts_from_puppet=True)
        guided = replace(own.sampling, guidance=OFFICIAL.guidance)
        return replace(own, sampling=guided) if self.guided else own

    @property
    def name(self) -> str:
        """What the rows begin with."""
        sampling = self.resolved.sampling
        guided = f" with guidance {OFFICIAL.guidance:g}" if self.guided else ""
        steps = "1 step" if sampling.steps == 1 else f"{sampling.steps} steps"
        passes = "1 pass" if sampling.guidance == 1 else "2 passes"  # it runs once, see KeptPrediction
        return f"preset {self.preset}{guided} with the built-in models, {steps}, {passes} per window"

    @property
    def rows(self) -> tuple[str, str]:
        """The rows: moving pixels and all pixels."""
        return f"{self.name}: PSNR of moving pixels", f"{self.name}: PSNR of all pixels"


ALL = (*map(Measured, PRESETS), Measured("standard", guided=True))


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return the PSNR of each character by preset. Nothing is random, so there is one round."""
    from animatex_core.animate_x.pipeline import AnimateXPipeline

    pipeline = AnimateXPipeline.from_bundle("small", device="cpu")
    assert pipeline.networks.trained_on.frames == TRAINED_FRAMES
    assert pipeline.networks.unet.config.ignores_noise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnimateXWarning)  # of more frames than in training
        by_character = [
            _compared(partial(pipeline, character, CLIP, poses=DANCE, frames=FRAMES, size=SIZE, seed=0))
            for character in sorted(CHARACTERS.glob("*.png"))
        ]
    return {row: [values[row] for values in by_character] for each in ALL for row in each.rows}


def _compared(animate: Callable[..., Animation]) -> dict[str, float]:
    """Return the PSNR of each row; presets with the same guidance and windows share their reference."""
    from animatex_core.training.small_models.scores import moving_psnr, psnr

    references: dict[object, Animation] = {}
    values: dict[str, float] = {}
    for each in ALL:
        guidance = each.resolved.sampling.guidance
        key = guidance, each.resolved.window
        if key not in references:
            references[key] = animate(preset=each.preset, solver="ddim", steps=STEPS, guidance=guidance)
        pair = animate(preset=each.preset, guidance=guidance).frames, references[key].frames
        values |= dict(zip(each.rows, (moving_psnr(*pair), psnr(*pair)), strict=True))
    return values


SOURCE = Source("presets", tuple(row for each in ALL for row in each.rows), measure, unit=" dB")
