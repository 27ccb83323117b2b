"""All metrics over pairs that are added one by one, saved and resumed."""

import warnings
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from animatex_core.errors import (
    AnimateXWarning,
    CheckpointError,
    DamagedCheckpoint,
    InvalidInput,
    WrongCheckpoint,
)
from animatex_core.evaluation.metrics.frechet import GaussianStatistics, frechet_distance
from animatex_core.evaluation.metrics.measurements import Measurements, read_measurements, write_measurements
from animatex_core.evaluation.metrics.networks import MetricNetworks, load_networks
from animatex_core.evaluation.metrics.pixels import psnr
from animatex_core.evaluation.metrics.scores import HIGHER_IS_BETTER, METRICS, PIXEL_METRICS
from animatex_core.hub.models_dir import ModelsDir

from .sample_clips import near, patterned_clip

few = pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")


class Corners:
    """Features of frames that need no network: the colours of two corners."""

    width = 6

    def of(self, frames: np.ndarray) -> Tensor:
        return torch.from_numpy(frames[:, [0, -1], [0, -1]].reshape(len(frames), 6).astype(np.float32))


NETWORKS = MetricNetworks(features={"FID": Corners()})
REAL = [patterned_clip(frames, 24, 32, seed) for seed, frames in enumerate((5, 9, 2, 7))]
PAIRS = [(near(real, seed), real) for seed, real in enumerate(REAL, 1)]


Pair = tuple[np.ndarray, np.ndarray]


def measured(
    pairs: Iterable[Pair], networks: MetricNetworks = NETWORKS, begun: Measurements | None = None
) -> Measurements:
    found = begun or Measurements.none(networks)
    for pair in pairs:
        found = found.with_pair(networks, *pair)
    return found


@few
def test_scores_are_those_of_all_frames_at_once():
    generated, real = (np.concatenate(clips) for clips in zip(*PAIRS, strict=True))
    scores = measured(PAIRS).scores()
    assert list(scores) == [*PIXEL_METRICS, "FID"]
    assert scores["PSNR*"].value == pytest.approx(psnr(generated, real).mean())
    assert scores["PSNR*"].samples == scores["FID"].samples == 23
    fake, true = (GaussianStatistics.of(Corners().of(clip)) for clip in (generated, real))
    assert scores["FID"].value == pytest.approx(frechet_distance(fake, true).value, rel=1e-9)


@few
def test_equal_clips_have_the_best_scores():
    scores = measured([(real, real) for real in REAL]).scores()
    expected = {"PSNR": 100, "PSNR*": 100, "SSIM": 1, "L1": 0, "FID": 0}
    assert {name: score.value for name, score in scores.items()} == pytest.approx(expected, abs=1e-8)


def test_a_frechet_metric_of_few_samples_warns_with_its_name():
    with pytest.warns(AnimateXWarning, match="FID rests on 5 samples"):
        measured(PAIRS[:1]).scores()


def test_memory_is_the_same_for_any_number_of_pairs(tmp_path):
    sizes = set()
    for count in (1, 4):
        write_measurements(tmp_path / "state", measured(PAIRS[:count]), {})
        sizes.add((tmp_path / "state").stat().st_size)
    assert len(sizes) == 1


@few
def test_a_resumed_evaluation_is_bit_identical(tmp_path):
    state = tmp_path / "state.safetensors"
    write_measurements(state, measured(PAIRS[:2]), {"done": "a, b"})
    begun, notes = read_measurements(state, NETWORKS)
    assert notes == {"done": "a, b"}
    rest = measured(PAIRS[2:], begun=begun)
    write_measurements(state, rest, {})
    assert rest.scores() == measured(PAIRS).scores()
    assert read_measurements(state, NETWORKS)[0].pairs == 4


def test_a_state_of_other_metrics_is_refused(tmp_path):
    write_measurements(tmp_path / "state", measured(PAIRS[:1]), {})
    with pytest.raises(WrongCheckpoint, match="does not fit an evaluation by these metrics: 6 unexpected"):
        read_measurements(tmp_path / "state", MetricNetworks())
    with pytest.raises(CheckpointError, match="cannot be opened"):
        read_measurements(tmp_path / "nowhere", NETWORKS)


def test_an_invalid_pair_does_not_change_the_state():
    begun = measured(PAIRS[:1])
    with pytest.raises(InvalidInput, match="cut and resize"):
        begun.with_pair(NETWORKS, PAIRS[0][0], REAL[1])
    assert begun.pairs == 1


def test_no_pair_has_no_scores():
    with pytest.raises(InvalidInput, match="No pair of clips was measured"):
        Measurements.none(NETWORKS).scores()


def test_pixels_need_no_files(tmp_path):
    networks = load_networks(ModelsDir(tmp_path), PIXEL_METRICS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tuple(measured(PAIRS, networks).scores()) == PIXEL_METRICS


@pytest.mark.parametrize(
    ("metric", "named"),
    [
        ("FID", r"pt_inception.*animatex models download fid-inception-v3"),
        ("FID-VID", r"resnet-50-kinetics\.pth is not in"),
        ("FVD", r"i3d_pretrained_400\.pt is not in"),
        ("LPIPS", r"vgg16_tv_in1k\.safetensors is not in"),
        ("KID", "KID is not a metric: choose from PSNR, PSNR"),
    ],
)
def test_missing_files_are_named(tmp_path, metric, named):
    with pytest.raises(InvalidInput, match=named):
        load_networks(ModelsDir(tmp_path), ["SSIM", metric])


def test_higher_is_better_only_for_similarity():
    assert [name for name in METRICS if name in HIGHER_IS_BETTER] == ["PSNR", "PSNR*", "SSIM"]


def test_every_network_measures_a_pair_from_a_models_folder(models):
    networks = load_networks(models)
    clip = patterned_clip(2, 40, 32)
    found = measured([(near(clip), clip)], networks)
    assert tuple(Measurements.none(networks).averages) + tuple(found.sets) == METRICS
    assert found.averages["LPIPS"].score().samples == 2
    assert {name: both.real.count for name, both in found.sets.items()} == {"FID": 2, "FID-VID": 1, "FVD": 1}
    assert {name: len(both.real.mean) for name, both in found.sets.items()} == {
        "FID": 2048,
        "FID-VID": 2048,
        "FVD": 400,
    }
    assert all((both.real.mean != both.generated.mean).any() for both in found.sets.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", torch.tensor(-1)),
        ("pairs", torch.tensor(1.0)),
        ("PSNR", torch.tensor([float("nan"), 3.0], dtype=torch.float64)),
        ("PSNR", torch.tensor([float("inf"), 3.0], dtype=torch.float64)),
        ("SSIM", torch.tensor([0.0, 3.0], dtype=torch.float64)),
        ("L1", torch.tensor([1.5, 3.0], dtype=torch.float64)),
        ("L1", torch.tensor([-4.0, 3.0], dtype=torch.float64)),
        ("L1", torch.tensor([4, 3])),
    ],
)
def test_a_state_with_impossible_values_is_refused(tmp_path, name, value):
    state = tmp_path / "state.safetensors"
    write_measurements(state, Measurements.none(MetricNetworks()).with_pair(MetricNetworks(), *PAIRS[0]), {})
    save_file(load_file(state) | {name: value}, state)
    with pytest.raises(DamagedCheckpoint, match=rf"state\.safetensors is damaged \({name} is not a"):
        read_measurements(state, MetricNetworks())
