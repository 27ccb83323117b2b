"""Measurements in a file of plain tensors, so that an evaluation that was stopped goes on."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.safe_read import open_tensors, read_metadata
from ..checkpoints.safetensors_file import layout_of, write_safetensors
from ..checkpoints.strict import check_keys, shapes
from ..errors import DamagedCheckpoint
from .gaussian import GaussianStatistics
from .measurements import Measurements, Sets
from .networks import Networks
from .scores import LPIPS, PIXEL_METRICS, Average

AVERAGED = (*PIXEL_METRICS, LPIPS)  # each a count and a total


def write_measurements(path: str | Path, measurements: Measurements, notes: Mapping[str, str]) -> None:
    """Write measurements to a safetensors file, which appears under its name only when whole.

    notes: what the caller keeps with them, such as the clips that they are of and the settings: both are
    written at once, so that they cannot disagree. With FID and FID-VID it has 134 MB. Raises StorageError.
    """
    tensors = dict(_tensors(measurements))
    write_safetensors(path, layout_of(tensors), tensors.items(), notes)


def read_measurements(path: str | Path, networks: Networks) -> tuple[Measurements, dict[str, str]]:
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
