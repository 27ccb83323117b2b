"""All metrics over any number of pairs of videos, in constant memory, and saved between runs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...checkpoints.safe_load import open_tensors, read_metadata
from ...checkpoints.safetensors_writer import layout_of, write_safetensors
from ...checkpoints.validation import check_keys, shapes
from ...errors import DamagedCheckpoint, InvalidInput
from .features import Features
from .frechet import GaussianStatistics, frechet_distance
from .networks import MetricNetworks
from .pixels import check_pair, l1, psnr, psnr_overflowing, ssim
from .scores import L1, LPIPS, PIXEL_METRICS, PSNR, PSNR_SAFE, SSIM, Average, Score

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
    def none(cls, networks: MetricNetworks) -> "Measurements":
        """Return the measurements of no pair, by the metrics of pixels and those of the networks."""
        empty = {name: GaussianStatistics.empty(found.width) for name, found in networks.features.items()}
        averages = {name: Average() for name in _of_frames(networks)}
        return cls(averages, {name: Sets(nothing, nothing) for name, nothing in empty.items()})

    def with_pair(self, networks: MetricNetworks, generated: np.ndarray, real: np.ndarray) -> "Measurements":
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


def _of_frames(networks: MetricNetworks) -> dict[str, FrameMetric]:
    return OF_PIXELS | ({LPIPS: networks.lpips.distances} if networks.lpips else {})


AVERAGED = (*PIXEL_METRICS, LPIPS)  # each a count and a total


def write_measurements(path: str | Path, measurements: Measurements, notes: Mapping[str, str]) -> None:
    """Write measurements to a safetensors file, which appears under its name only when whole.

    notes: what the caller keeps with them, such as the clips that they are of and the settings: both are
    written at once, so that they cannot disagree. With FID and FID-VID it has 134 MB. Raises StorageError.
    """
    tensors = dict(_tensors(measurements))
    write_safetensors(path, layout_of(tensors), tensors.items(), notes)


def read_measurements(path: str | Path, networks: MetricNetworks) -> tuple[Measurements, dict[str, str]]:
    """Read what `write_measurements` wrote: the measurements and the notes.

    Raises CheckpointError, WrongCheckpoint where they are of other metrics than those of the networks, and
    DamagedCheckpoint for values that no measurement has.
    """
    tensors = open_tensors(path, weights=False)
    empty = Measurements.none(networks)
    expected = dict(_tensors(empty))
    check_keys(shapes(expected), shapes(tensors), "an evaluation by these metrics", str(path))
    _check_values(path, expected, tensors)
    averages = {name: _average(tensors[name]) for name in empty.averages}
    sets = {
        name: Sets(_statistics(tensors, f"{name}/generated"), _statistics(tensors, f"{name}/real"))
        for name in empty.sets
    }
    return Measurements(averages, sets, int(tensors["pairs"])), read_metadata(path)


def _tensors(measurements: Measurements) -> Iterator[tuple[str, Tensor]]:
    yield "pairs", torch.tensor(measurements.pairs)
    for name, mean in measurements.averages.items():
        yield name, torch.tensor([mean.count, mean.total], dtype=torch.float64)
    for name, both in measurements.sets.items():
        for side, statistics in (("generated", both.generated), ("real", both.real)):
            yield f"{name}/{side}/count", torch.tensor(statistics.count)
            yield f"{name}/{side}/mean", statistics.mean
            yield f"{name}/{side}/scatter", statistics.scatter


def _check_values(path: str | Path, expected: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> None:
    for name, tensor in expected.items():
        found = stored[name]
        if found.dtype != tensor.dtype or not _is_sound(name, found, stored["pairs"]):
            raise DamagedCheckpoint(
                f"{path} is damaged ({name} is no measurement): delete it to measure all clips again."
            )


def _is_sound(name: str, found: Tensor, pairs: Tensor) -> bool:
    """Whether counts are whole numbers, above 0 where a pair was measured, and statistics are finite."""
    if name in AVERAGED:
        count = float(found[0])
        return count.is_integer() and (count > 0 if pairs > 0 else count == 0)
    return bool(found.isfinite().all()) and (found.ndim > 0 or int(found) >= 0)


def _average(stored: Tensor) -> Average:
    count, total = stored.tolist()
    return Average(int(count), total)


def _statistics(tensors: Mapping[str, Tensor], name: str) -> GaussianStatistics:
    count, mean, scatter = (tensors[f"{name}/{part}"] for part in ("count", "mean", "scatter"))
    # Copied, since the tensors of a file are mapped, and the file is written anew while they are in use.
    return GaussianStatistics(int(count), mean.clone(), scatter.clone())
