"""LPIPS with the real heads on a backbone with generated weights."""

import sys

import numpy as np
import pytest
import torch
from torchmetrics.functional.image.lpips import _LPIPS, ScalingLayer

from animatex_core.checkpoints.safe_load import open_tensors
from animatex_core.errors import InvalidInput, MissingDependency, WrongCheckpoint
from animatex_core.evaluation.metrics.lpips import Lpips, read_heads, vgg_on_meta
from animatex_core.evaluation.metrics.pixels import unit_frames

from .network_files import LPIPS_HEADS, weights_of
from .reference import CLOSE, REFERENCE
from .sample_clips import near, patterned_clip

REAL = patterned_clip(4, 96, 80)
GENERATED = near(REAL)


@pytest.fixture(scope="module")
def vgg(models):
    return models.require("lpips-vgg16")


@pytest.mark.parametrize("signed", [False, True])
def test_values_are_those_of_lpips(vgg, signed):
    found = Lpips.from_files(vgg, LPIPS_HEADS, signed=signed).distances(GENERATED, REAL)
    assert found == pytest.approx(REFERENCE[f"lpips_{signed}"], rel=CLOSE)


def test_values_are_those_of_torchmetrics(vgg):
    with torch.device("meta"):
        other = _LPIPS(net="vgg", pnet_rand=True, pretrained=False)
    weights = weights_of(vgg_on_meta())
    renamed = {name: weights[name.partition(".")[2]] for name in other.net.state_dict()}
    other.net.load_state_dict(renamed, assign=True)
    other.load_state_dict(open_tensors(LPIPS_HEADS), strict=False, assign=True)
    other.scaling_layer = ScalingLayer()
    with torch.no_grad():
        expected = other(unit_frames(GENERATED), unit_frames(REAL), normalize=True).flatten().numpy()
    assert Lpips.from_files(vgg, LPIPS_HEADS, signed=True).distances(GENERATED, REAL) == pytest.approx(
        expected, rel=CLOSE
    )


def test_equal_frames_have_distance_zero_for_any_batch_size(vgg):
    mixed = np.concatenate([REAL[:2], GENERATED[2:]])
    found = Lpips.from_files(vgg, LPIPS_HEADS, batch_size=3).distances(mixed, REAL)
    assert found[:2].tolist() == [0, 0]
    assert found[2:] == pytest.approx(REFERENCE["lpips_False"][2:], rel=CLOSE)


def test_small_frames_are_refused(vgg):
    lpips = Lpips.from_files(vgg, LPIPS_HEADS)
    tiny = patterned_clip(1, 15, 40)
    with pytest.raises(InvalidInput, match="40 x 15 pixels, but this metric needs 16 x 16"):
        lpips.distances(tiny, tiny)
    smallest = patterned_clip(1, 16, 16)
    assert lpips.distances(smallest, smallest).tolist() == [0]


def test_heads_of_another_backbone_are_refused():
    with pytest.raises(WrongCheckpoint, match=r"lin1\.model\.1\.weight is \(1, 192, 1, 1\) instead of"):
        read_heads(LPIPS_HEADS.with_name("alex.pth"))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(
        MissingDependency, match=r"torchvision\.models cannot be imported.*pip install torchvision"
    ):
        vgg_on_meta()
