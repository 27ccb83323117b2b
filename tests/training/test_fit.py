"""An interrupted training of the small models resumes with the same result."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from animatex_core.training.small_models.fit import FitSettings, fit

SETTINGS = FitSettings(steps=7, batch_size=2, learning_rate=0.1, warm_up=2, workers=0)


def sample(number: int) -> Tensor:
    return torch.full((1,), float(number))


def loss(network: nn.Module, batch: Tensor) -> Tensor:
    return (network(batch) - torch.rand(1)).square().mean()


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def test_an_interrupted_training_gives_the_same_result(tmp_path: Path) -> None:
    whole = fit(network(), sample, loss, SETTINGS, print).state_dict()
    settings = replace(SETTINGS, keep_every=2)
    kept, seen = tmp_path / "kept", []

    def stopping(trained: nn.Module, batch: Tensor) -> Tensor:
        seen.append(batch)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return loss(trained, batch)

    with pytest.raises(KeyboardInterrupt):
        fit(network(), sample, stopping, settings, print, kept)
    assert torch.load(kept, weights_only=True)["step"] == 4
    resumed = fit(network(), sample, loss, settings, print, kept).state_dict()
    assert all(torch.equal(values, resumed[name]) for name, values in whole.items())
    assert not torch.equal(whole["0.weight"], network().state_dict()["0.weight"])
