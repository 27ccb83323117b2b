"""What is measured of one pair of clips, before it is added to the measurements of all pairs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from .features import Features
from .frechet import require_finite
from .networks import MetricNetworks
from .pixels import check_pair, l1, psnr, psnr_overflowing, ssim
from .scores import L1, LPIPS, PSNR, PSNR_SAFE, SSIM

FrameMetric = Callable[[np.ndarray, np.ndarray], np.ndarray]

PIXEL_METRIC_FUNCTIONS: dict[str, FrameMetric] = {PSNR: psnr_overflowing, PSNR_SAFE: psnr, SSIM: ssim, L1: l1}
VALUES, GENERATED, REAL = "values/", "generated/", "real/"  # beginnings of the names in a file


@dataclass(frozen=True)
class Samples:
    """The features of a generated and of a real clip, (n, width) float32 each."""

    generated: Tensor
    real: Tensor

    @classmethod
    def of(cls, features: Features, generated: np.ndarray, real: np.ndarray) -> "Samples":
        """Extract the features of two clips (f, h, w, 3) uint8; may raise InvalidInput."""
        found = cls(features.of(generated), features.of(real))
        for samples in (found.generated, found.real):
            require_finite(samples)
        return found


@dataclass(frozen=True)
class PairValues:
    """What all metrics measure of one pair of clips.

    Attributes:
        frames: Values (n,) by frame metric.
        samples: Features by Fréchet metric.

    """

    frames: Mapping[str, np.ndarray]
    samples: Mapping[str, Samples]

    @classmethod
    def of(cls, networks: MetricNetworks, generated: np.ndarray, real: np.ndarray) -> "PairValues":
        """Measure a pair.

        Args:
            networks: The networks of the metrics.
            generated: (f, h, w, 3) uint8 in RGB.
            real: Likewise, with the same shape.

        Raises:
            InvalidInput: Clips are of different shapes or dtypes, or features are not finite.

        """
        check_pair(generated, real)
        metrics = frame_metrics(networks)
        return cls(
            {name: metric(generated, real) for name, metric in metrics.items()},
            {name: Samples.of(features, generated, real) for name, features in networks.features.items()},
        )


def frame_metrics(networks: MetricNetworks) -> dict[str, FrameMetric]:
    """Return the pixel metrics, and LPIPS if there is its network."""
    return PIXEL_METRIC_FUNCTIONS | ({LPIPS: networks.lpips.distances} if networks.lpips else {})


def write_pair(path: Path, pair: PairValues) -> None:
    """Write what was measured to a safetensors file, atomically; raises StorageError."""
    tensors = {VALUES + name: torch.from_numpy(values) for name, values in pair.frames.items()}
    for name, samples in pair.samples.items():
        tensors |= {GENERATED + name: samples.generated, REAL + name: samples.real}
    write_safetensors(path, tensor_layout(tensors), tensors.items(), {})


def read_pair(path: Path) -> PairValues:
    """Read a file of `write_pair`, which may be deleted afterwards; raises CheckpointError."""
    tensors = {name: tensor.clone() for name, tensor in open_tensors(path, weights=False).items()}

    def named(beginning: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(beginning): tensor
            for name, tensor in tensors.items()
            if name.startswith(beginning)
        }

    real = named(REAL)
    return PairValues(
        {name: values.numpy() for name, values in named(VALUES).items()},
        {name: Samples(generated, real[name]) for name, generated in named(GENERATED).items()},
    )
