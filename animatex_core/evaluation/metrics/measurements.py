"""All metrics over any number of pairs of clips, in constant memory, saved and resumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...checkpoints.safe_load import open_tensors, read_metadata
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import check_keys, shapes
from ...errors import DamagedCheckpoint, InvalidInput
from .frechet import GaussianStatistics, frechet_distance
from .networks import MetricNetworks
from .pairs import PairValues, Samples, frame_metrics
from .scores import LPIPS, PIXEL_METRICS, Average, Score

AVERAGED = (*PIXEL_METRICS, LPIPS)  # metrics that are stored as a count and a total


@dataclass(frozen=True)
class FeatureStatistics:
    """Statistics of the features of all generated and all real clips."""

    generated: GaussianStatistics
    real: GaussianStatistics

    def with_samples(self, samples: Samples) -> "FeatureStatistics":
        """Return the statistics with one additional pair of clips."""
        return FeatureStatistics(
            self.generated.with_samples(samples.generated), self.real.with_samples(samples.real)
        )


@dataclass(frozen=True)
class Measurements:
    """The accumulated state of all metrics.

    Attributes:
        averages: Running means by frame metric.
        sets: Statistics of features by Fréchet metric.
        pairs: Number of pairs.

    """

    averages: dict[str, Average] = field(default_factory=dict)
    sets: dict[str, FeatureStatistics] = field(default_factory=dict)
    pairs: int = 0

    @classmethod
    def none(cls, networks: MetricNetworks) -> "Measurements":
        """Return the empty state for the pixel metrics and those of the networks."""
        empty = {name: GaussianStatistics.empty(each.width) for name, each in networks.features.items()}
        averages = {name: Average() for name in frame_metrics(networks)}
        return cls(
            averages, {name: FeatureStatistics(statistics, statistics) for name, statistics in empty.items()}
        )

    def with_pair(self, networks: MetricNetworks, generated: np.ndarray, real: np.ndarray) -> "Measurements":
        """Return the state with one additional pair.

        Args:
            networks: The networks that the state was created for.
            generated: (f, h, w, 3) uint8 in RGB.
            real: Likewise, with the same shape.

        Returns:
            The new state.

        Raises:
            InvalidInput: Clips are of different shapes or dtypes, or features are not finite.

        """
        return self.with_values(PairValues.of(networks, generated, real))

    def with_values(self, pair: PairValues) -> "Measurements":
        """Return the state with one additional pair that was measured by the metrics of this state."""
        averages = {name: mean.with_values(pair.frames[name]) for name, mean in self.averages.items()}
        sets = {name: both.with_samples(pair.samples[name]) for name, both in self.sets.items()}
        return Measurements(averages, sets, self.pairs + 1)

    def scores(self) -> dict[str, Score]:
        """Compute the value of every metric, in the order of METRICS.

        An AnimateXWarning is issued for each Fréchet metric of fewer than 2,048 samples.

        Returns:
            Scores by metric.

        Raises:
            InvalidInput: There are no pairs.

        """
        if not self.pairs:
            raise InvalidInput("No pair of clips was measured, but scores need at least one: add a pair.")
        averages = {name: mean.score() for name, mean in self.averages.items()}
        distances = {
            name: frechet_distance(both.generated, both.real, name) for name, both in self.sets.items()
        }
        return averages | distances


def write_measurements(path: str | Path, measurements: Measurements, notes: Mapping[str, str]) -> None:
    """Write a state to a safetensors file, atomically. With FID and FID-VID it has 134 MB.

    Args:
        path: The file.
        measurements: The state.
        notes: Metadata of the caller, such as the clips that were measured. It is part of the same file, so
            that both stay consistent.

    Raises:
        StorageError: The file cannot be written.

    """
    tensors = dict(_tensors(measurements))
    write_safetensors(path, tensor_layout(tensors), tensors.items(), notes)


def read_measurements(path: str | Path, networks: MetricNetworks) -> tuple[Measurements, dict[str, str]]:
    """Read a file of `write_measurements`.

    Args:
        path: The file.
        networks: The networks that the state was created for.

    Returns:
        The state and the notes.

    Raises:
        CheckpointError: The file cannot be read.
        WrongCheckpoint: It belongs to other metrics.
        DamagedCheckpoint: It contains impossible values.

    """
    tensors = open_tensors(path, weights=False)
    empty = Measurements.none(networks)
    expected = dict(_tensors(empty))
    check_keys(shapes(expected), shapes(tensors), "an evaluation by these metrics", str(path))
    _check_values(path, expected, tensors)
    averages = {name: _average(tensors[name]) for name in empty.averages}
    sets = {
        name: FeatureStatistics(
            _statistics(tensors, f"{name}/generated"), _statistics(tensors, f"{name}/real")
        )
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
                f"{path} is damaged ({name} is not a measurement): delete it to measure all clips again."
            )


def _is_sound(name: str, found: Tensor, pairs: Tensor) -> bool:
    """Return whether counts are whole and positive if there are pairs, and statistics are finite."""
    if name in AVERAGED:
        count = float(found[0])
        return count.is_integer() and (count > 0 if pairs > 0 else count == 0)
    return bool(found.isfinite().all()) and (found.ndim > 0 or int(found) >= 0)


def _average(stored: Tensor) -> Average:
    count, total = stored.tolist()
    return Average(int(count), total)


def _statistics(tensors: Mapping[str, Tensor], name: str) -> GaussianStatistics:
    count, mean, scatter = (tensors[f"{name}/{part}"] for part in ("count", "mean", "scatter"))
    # Copied, because the tensors are memory-mapped and the file is overwritten while they are in use.
    return GaussianStatistics(int(count), mean.clone(), scatter.clone())
