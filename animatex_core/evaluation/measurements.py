"""All metrics over any number of pairs of clips, one pair at a time, in constant memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..errors import InvalidInput
from .features import Features
from .frames import check_pair
from .frechet import frechet_distance
from .gaussian import GaussianStatistics
from .networks import Networks
from .pixels import l1, psnr, psnr_overflowing, ssim
from .scores import L1, LPIPS, PSNR, PSNR_SAFE, SSIM, Average, Score

FrameMetric = Callable[[np.ndarray, np.ndarray], np.ndarray]

OF_PIXELS: dict[str, FrameMetric] = {PSNR: psnr_overflowing, PSNR_SAFE: psnr, SSIM: ssim, L1: l1}


@dataclass(frozen=True)
class Sets:
    """The features of all generated and of all real clips."""

    generated: GaussianStatistics
    real: GaussianStatistics

    def with_pair(self, features: Features, generated: np.ndarray, real: np.ndarray) -> "Sets":
        """Return the sets with the features of one pair of clips more."""
        return Sets(
            self.generated.with_samples(features.of(generated)), self.real.with_samples(features.of(real))
        )


@dataclass(frozen=True)
class Measurements:
    """What was measured so far: plain sums, which `state.py` writes to a file and reads again.

    averages: by metric of frames. sets: by Frechet metric. pairs: how many were measured.
    """

    averages: dict[str, Average] = field(default_factory=dict)
    sets: dict[str, Sets] = field(default_factory=dict)
    pairs: int = 0

    @classmethod
    def none(cls, networks: Networks) -> "Measurements":
        """Return the measurements of no pair, by the metrics of pixels and those of the networks."""
        empty = {name: GaussianStatistics.empty(found.width) for name, found in networks.features.items()}
        averages = {name: Average() for name in _of_frames(networks)}
        return cls(averages, {name: Sets(nothing, nothing) for name, nothing in empty.items()})

    def with_pair(self, networks: Networks, generated: np.ndarray, real: np.ndarray) -> "Measurements":
        """Return the measurements of one pair more.

        networks: those that the measurements were begun with. generated, real: (f, h, w, 3) uint8 in RGB
        order; raises InvalidInput for others and for clips of different shapes.
        """
        check_pair(generated, real)
        averages = {
            name: self.averages[name].with_values(metric(generated, real))
            for name, metric in _of_frames(networks).items()
        }
        sets = {
            name: self.sets[name].with_pair(features, generated, real)
            for name, features in networks.features.items()
        }
        return Measurements(averages, sets, self.pairs + 1)

    def scores(self) -> dict[str, Score]:
        """Return the value of every metric, in the order of METRICS.

        A Frechet metric of fewer than 2,048 samples warns (AnimateXWarning). Raises InvalidInput where
        nothing was measured.
        """
        if not self.pairs:
            raise InvalidInput("No pair of clips was measured, so there are no scores: add one.")
        averages = {name: mean.score() for name, mean in self.averages.items()}
        distances = {
            name: frechet_distance(both.generated, both.real, name) for name, both in self.sets.items()
        }
        return averages | distances


def _of_frames(networks: Networks) -> dict[str, FrameMetric]:
    return OF_PIXELS | ({LPIPS: networks.lpips.distances} if networks.lpips else {})
