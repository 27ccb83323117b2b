from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from animatex_core.training.small_models import fit as fitting
from animatex_core.training.small_models.fit import FitSettings, fit

SETTINGS = FitSettings(steps=7, batch_size=2, learning_rate=0.1, warm_up=2, workers=0)


def sample(number: int) -> Tensor:
    return torch.full((1,), float(number))


def loss(network: nn.Module, batch: Tensor) -> Tensor:
    return (network(batch) - torch.rand(1)).square().mean()


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def test_an_interrupted_training_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(network(), sample, loss, SETTINGS, print).state_dict()
    kept, seen = tmp_path / "kept", []
    monkeypatch.setattr(fitting, "KEEP_EVERY", 2)

    def stopping(trained: nn.Module, batch: Tensor) -> Tensor:
        seen.append(batch)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return loss(trained, batch)

    with pytest.raises(KeyboardInterrupt):
        fit(network(), sample, stopping, SETTINGS, print, kept)
    resumed = fit(network(), sample, loss, SETTINGS, print, kept).state_dict()
    assert all(torch.equal(values, resumed[name]) for name, values in whole.items())
    assert not torch.equal(whole["0.weight"], network().state_dict()["0.weight"])
