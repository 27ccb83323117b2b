"""Previews during training: videos sampled with the averaged weights, next to poses and ground truth."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor

from ...animate_x.sampling import SamplingSettings, sample_latents
from ...animate_x.unet import AnimateXUNet
from ...diffusion.guidance import Guidance
from ...encoders.autoencoder import StableDiffusionAutoencoder
from ...encoders.base import LatentDecoder
from ..loop.trainer import Trainer
from .batches import Batch, DenoiserBatchMaker
from .config import DropoutConfig, PreviewConfig

_KEEP_ALL = DropoutConfig(all_dropped=0, all_kept=1)


class Preview:
    """Renders the first samples of a training, with all conditions and without EPI.

    Args:
        config: The settings.
        maker: Makes the samples.
        decoder: Decodes the latents.

    """

    def __init__(self, config: PreviewConfig, maker: DenoiserBatchMaker, decoder: LatentDecoder) -> None:
        self.config, self.decoder = config, decoder
        plain = DenoiserBatchMaker(replace(maker.config, dropout=_KEEP_ALL), maker.dataset)
        self._samples = [plain.sample(number, config.frames) for number in range(config.clips)]
        self._targets = [self._decode(sample.latents) for sample in self._samples]

    @classmethod
    def open(cls, config: PreviewConfig, maker: DenoiserBatchMaker, device: torch.device) -> "Preview":
        """Load the autoencoder of a configuration.

        Raises:
            CheckpointError: If the file cannot be used.

        """
        assert config.autoencoder is not None
        return cls(
            config,
            maker,
            StableDiffusionAutoencoder.from_file(config.autoencoder, config.sizes, device=device),
        )

    @property
    def every_steps(self) -> int:
        """Steps between two previews."""
        return self.config.every_steps

    def render(self, training: Trainer) -> np.ndarray:
        """Sample with the averaged weights and draw a sheet.

        Returns:
            An image (h, w, 3), uint8 in RGB. Each clip has three rows, for the poses, the sampled video and
            the target, with the reference image in the first column and one column per frame.

        """
        assert training.average is not None
        with training.average.in_place(), _evaluating(training.network), training.accelerator.autocast():
            rows = [
                self._rows(training.network, sample, target)
                for sample, target in zip(self._samples, self._targets, strict=True)
            ]
        return np.concatenate(rows)

    def _rows(self, unet: AnimateXUNet, sample: Batch, target: np.ndarray) -> np.ndarray:
        (inputs,) = sample.groups
        settings = SamplingSettings(steps=self.config.steps, guidance=Guidance(self.config.guidance))
        sampled = self._decode(sample_latents(unet, inputs, settings))
        assert inputs.pose_pictures is not None
        poses = rearrange(inputs.pose_pictures[0, :, 1:], "c f h w -> f h w c").numpy()
        reference = np.zeros_like(target[0])
        if inputs.reference_image is not None:
            reference = _bytes(rearrange(inputs.reference_image[0, :, 0], "c h w -> h w c"))
        return _sheet(reference, (poses, sampled, target))

    def _decode(self, latents: Tensor) -> np.ndarray:
        """Decode (1, c, f, h, w) to (f, height, width, 3) uint8."""
        images = self.decoder.decode(rearrange(latents, "1 c f h w -> f c h w"))
        return _bytes(rearrange(images / 2 + 0.5, "f c h w -> f h w c"))


def _bytes(unit: Tensor) -> np.ndarray:
    return (unit.float().cpu().clamp(0, 1) * 255).round().byte().numpy()


def _sheet(reference: np.ndarray, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Put the reference image in front of each row of frames (f, h, w, 3)."""
    column = repeat(reference, "h w c -> r h w c", r=len(rows))
    frames = np.concatenate([column[:, None], np.stack(rows)], axis=1)
    return rearrange(frames, "r f h w c -> (r h) (f w) c")


@contextmanager
def _evaluating(unet: AnimateXUNet) -> Iterator[None]:
    unet.eval()
    try:
        yield
    finally:
        unet.train()
