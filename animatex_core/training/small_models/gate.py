"""Validation of a denoiser in training: held-out clips against the puppet and the blurred puppet.

A network may improve on the puppet merely by blurring it, because blur alone raises PSNR. It is therefore
also compared with the puppet at its best blur.

Characters follow their own poses of the true clip. Retargeted poses would not do: bone lengths are only known
from one image, so that even the renderer reaches no more than 18.8 dB against the true clip. Such a score
would mainly measure how much a denoiser blurs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...animate_x.conditioning import clip_conditions, encode_motion, encode_reference
from ...animate_x.conditions import ConditionInputs
from ...animate_x.puppet_condition import PuppetCondition
from ...animate_x.sampling import SamplingSettings, sample_latents
from ...animate_x.shapes import ClipShape
from ...animate_x.unet import AnimateXUNet
from ...diffusion.guidance import Guidance
from ...encoders.preprocessing import to_unit_floats
from ...puppet.puppet import puppet_frames
from ..data.preparation import Encoders
from ..synthetic.triples import draw_triple
from . import scores
from .scores import gaussian_blur, perceptual_encoder

SIGMAS = (0.4, 0.6, 0.8, 1.0, 1.3)  # pixels, of the blurred puppet
ONE_STEP = SamplingSettings(solver="dpm++2m", steps=1, guidance=Guidance(1.0))
PUPPET, BLURRED, CEILING, DENOISER = "puppet", "blurred puppet", "autoencoder", "denoiser"


@dataclass(frozen=True, eq=False)
class GateCase:
    """A held-out example.

    Attributes:
        true: The true clip, (f, h, w, 3) uint8.
        puppet: The puppet, (f, h, w, 3) uint8.
        inputs: All conditions, including the puppet.

    """

    true: np.ndarray
    puppet: np.ndarray
    inputs: ConditionInputs


class Gate:
    """Held-out examples, encoded once and animated repeatedly while a denoiser is trained.

    Args:
        encoders: Encoders of the bundle.
        pairs: Number of examples.
        frames: Length of the clips.
        width: Width in pixels.
        height: Height in pixels.

    """

    def __init__(
        self, encoders: Encoders, pairs: int, *, frames: int = 8, width: int = 128, height: int = 192
    ) -> None:
        self.encoders = encoders
        self.shape = ClipShape(width, height, frames, num_downsamples=1)
        self.cases = [self._case(number) for number in range(pairs)]

    def controls(self) -> dict[str, dict[str, float]]:
        """Score the baselines: the puppet, the blurred puppet, and the true clip encoded and decoded."""
        blurs = {sigma: self._mean(partial(_blurred_puppet, sigma)) for sigma in SIGMAS}
        best = max(blurs, key=lambda sigma: blurs[sigma]["moving PSNR"])
        return {
            PUPPET: self._mean(lambda case: case.puppet),
            f"{BLURRED}, sigma {best}": blurs[best],
            CEILING: self._mean(lambda case: self._decoded(self._encoded(case.true))),
        }

    def score(self, unet: AnimateXUNet, settings: SamplingSettings = ONE_STEP) -> dict[str, float]:
        """Score a denoiser; returns means over all examples by the name of the score."""
        return self._mean(lambda case: self.animated(unet, case, settings))

    def animated(
        self, unet: AnimateXUNet, case: GateCase, settings: SamplingSettings = ONE_STEP
    ) -> np.ndarray:
        """Animate an example with a denoiser; returns (f, h, w, 3) uint8."""
        latents = sample_latents(unet, case.inputs, replace(settings, seed=self.cases.index(case)))
        return self._decoded(rearrange(latents, "1 c f h w -> f c h w"))

    def _mean(self, animate: Callable[[GateCase], np.ndarray]) -> dict[str, float]:
        each = [_scores(animate(case), case.true) for case in self.cases]
        return {name: float(np.mean([one[name] for one in each])) for name in each[0]}

    def _case(self, number: int) -> GateCase:
        shape, encoders = self.shape, self.encoders
        triple = draw_triple(0, number, shape.frames, shape.width, shape.height, held_out=True)
        own, picture = triple.reference.poses, triple.reference.frames[0]
        poses = triple.target.poses
        reference = encode_reference(encoders.image, picture, shape, own, "both", encoders.autoencoder)
        motion = encode_motion(encoders.image, triple.driver.frames, triple.driver.poses)
        puppet, alpha = puppet_frames(picture, own, poses)
        condition = PuppetCondition(
            self._encoded(puppet), to_unit_floats(torch.from_numpy(alpha), torch.float32)
        )
        inputs = clip_conditions(shape, encoders.text_context, reference, poses, motion, puppet=condition)
        return GateCase(triple.target.frames, puppet, inputs)

    def _encoded(self, frames: np.ndarray) -> Tensor:
        images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
        return self.encoders.autoencoder.encode(images).float()

    def _decoded(self, latents: Tensor) -> np.ndarray:
        autoencoder: Any = self.encoders.autoencoder
        units = (autoencoder.decode(latents).float() / 2 + 0.5).clamp(0, 1)
        return rearrange((units * 255).round().byte(), "f c h w -> f h w c").numpy()


def _blurred_puppet(sigma: float, case: GateCase) -> np.ndarray:
    return gaussian_blur(case.puppet, sigma)


def format_scores(found: Mapping[str, float]) -> str:
    """Format scores on one line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())


def image_grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Arrange images of one size in a grid, (rows * h, columns * w, 3) uint8."""
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def _scores(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    return {
        "PSNR": scores.psnr(found, true),
        "moving PSNR": scores.moving_psnr(found, true),
        "perceptual": scores.perceptual_distance(perceptual_encoder(), found, true),
    }
