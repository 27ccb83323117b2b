"""Logs and previews of a training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from animatex_core.training.animate_x.batches import DenoiserBatchMaker
from animatex_core.training.animate_x.config import PreviewConfig
from animatex_core.training.animate_x.preview import Preview
from animatex_core.training.animate_x.task import DenoisingTask
from animatex_core.training.console import ConsoleReporter
from animatex_core.training.loop.batch_schedule import Position
from animatex_core.training.loop.optimizer import WeightAverage
from animatex_core.training.loop.reporting import MetricMeans, TensorBoardLog
from animatex_core.training.loop.trainer import StepReport, Trainer
from animatex_core.video.image import read_image

from .training_samples import RandomClips, settings


class Colours:
    """`LatentDecoder` without a model: three channels, eight times larger."""

    def decode(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents[:, :3], scale_factor=8)


def report(**changes: Any) -> StepReport:
    values: dict[str, Any] = {
        "position": Position(1, 2),
        "loss": 0.5,
        "errors": torch.tensor([1.0, 3.0]),
        "timesteps": torch.tensor([5, 999]),
        "learning_rate": 1e-3,
        "gradient_norm": 2.0,
        "seconds": 0.1,
        "clips": 2,
        "frames": 1,
    }
    return StepReport(**{**values, **changes})


def test_means_are_taken_over_the_steps_since_the_last_reading() -> None:
    moments = iter([0.0, 4.0, 4.0, 5.0, 5.0])  # begin, read, begin
    meter = MetricMeans(clock=lambda: next(moments))
    meter.add(report())
    meter.add(report(loss=1.5, timesteps=torch.tensor([99, 100])))
    means = meter.read()
    assert (means["loss"], means["gradient_norm"], means["clips_per_second"]) == (1.0, 2.0, 1.0)
    assert {name: value for name, value in means.items() if "error" in name} == {
        "error/000": 1.0,
        "error/100": 3.0,
        "error/900": 3.0,
    }
    meter.add(report(loss=7.0))
    assert meter.read()["loss"] == 7.0


def test_each_task_has_its_own_loss(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    meter = MetricMeans()
    for task, loss in (("ti2v", 1.0), ("animation", 4.0), ("ti2v", 2.0)):
        meter.add(report(task=task, loss=loss, timesteps=torch.tensor([1000.0, 0.5])))
    means = meter.read()
    assert (means["loss/animation"], means["loss/ti2v"], means["error/900"]) == (4.0, 1.5, 1.0)
    maker = DenoiserBatchMaker(settings(), RandomClips())
    reporter = ConsoleReporter(every=0.0)
    training = Trainer(maker, DenoisingTask(maker), tmp_path, Accelerator(cpu=True))
    for changes in ({"task": "ti2v"}, {}):
        reporter(training, report(**changes))
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2].partition(", ")[0] for line in lines] == [
        "loss of ti2v 0.5000",
        "loss 0.5000",
    ]


def test_curves_and_previews_are_written(tmp_path: Path) -> None:
    config = settings(steps=2, batches=[{"frames": 1, "batch_size": 1}])
    maker = DenoiserBatchMaker(config, RandomClips())
    training = Trainer(maker, DenoisingTask(maker), tmp_path, Accelerator(cpu=True))
    preview = Preview(PreviewConfig(every_steps=2, clips=2, frames=3, steps=2), maker, Colours())
    log = TensorBoardLog(tmp_path, 0, 1, preview)
    training.run([log])
    log.close()
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert {"loss", "gradient_norm", "learning_rate", "clips_per_second"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss")] == [1, 2]
    picture = read_image(tmp_path / "previews" / "step-000000002.png").rgb
    assert picture.shape == (2 * 3 * 48, (1 + 3) * 32, 3)
    # The trained weights are back in place, in training mode.
    assert training.network.training


def test_a_preview_shows_the_average(tmp_path: Path) -> None:
    config = settings(steps=1, batches=[{"frames": 1, "batch_size": 1}])
    maker = DenoiserBatchMaker(config, RandomClips())
    training = Trainer(maker, DenoisingTask(maker), tmp_path, Accelerator(cpu=True))
    preview = Preview(PreviewConfig(clips=1, frames=2, steps=1), maker, Colours())
    before = preview.render(training)
    weights = [parameter.detach().clone() for parameter in training.network.parameters()]
    with torch.no_grad():
        training.network.out[-1].get_parameter("bias").fill_(5)
    assert np.array_equal(preview.render(training), before)
    assert training.average is not None
    training.average.tensors["out.2.bias"].fill_(5)
    assert not np.array_equal(preview.render(training), before)
    assert sum(torch.equal(*pair) for pair in zip(weights, training.network.parameters(), strict=True)) == (
        len(weights) - 1
    )


@pytest.mark.parametrize("step", [0, 4, 10_000])
def test_the_average_warms_up(step: int) -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    average = WeightAverage(layer, 0.99)
    torch.nn.init.ones_(layer.weight)
    average.update(step)
    assert average.tensors["weight"].item() == pytest.approx(1 - min(0.99, (1 + step) / (10 + step)))
