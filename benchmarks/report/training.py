"""A training step of the small denoiser, compared with preparing its batch: above 1 data is no limit."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.training.animate_x.batches import Batch, DenoiserBatchMaker, open_dataset
from animatex_core.training.animate_x.task import DenoisingTask
from animatex_core.training.config_file import read_config
from animatex_core.training.loop.batch_schedule import BatchPlan
from animatex_core.training.small_models.__main__ import read_encoders
from animatex_core.training.small_models.triples_set import TriplesSettings, write_triples
from benchmarks.costs import Cost, cost_of

from .rows import Options, Source

STEP = (
    "a training step of the small denoiser, 8 crops, compared with reading and preparing them, processor time"
)
CLIPS = 8


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return how many times as long the step takes as its data."""
    with TemporaryDirectory() as folder:
        write_triples(
            Path(folder),
            TriplesSettings(CLIPS, frames=4, puppet=True),
            read_encoders(BUNDLED_MODELS),
            lambda _: None,
            workers=0,
        )
        pairs = _measure_steps(Path(folder), options.rounds)
    return {STEP: [step.cpu / data.cpu for data, step in pairs]}


def _measure_steps(folder: Path, count: int) -> list[tuple[Cost, Cost]]:
    config = read_config("small", [f"data.path={folder}"])
    task = DenoisingTask(DenoiserBatchMaker(config, open_dataset(config.data), None))
    prepare = partial(task.maker, BatchPlan(1, tuple(range(CLIPS))))
    step = partial(_step, task, task.build(resumed=False), prepare())
    step()  # the first of both takes longer: files are read, and memory is allocated
    return [(cost_of(prepare), cost_of(step)) for _ in range(count)]


def _step(task: DenoisingTask, unet: AnimateXUNet, batch: Batch) -> None:
    noise, timesteps = task.sample_noise(batch)
    unet.zero_grad()
    task.loss(unet)(batch, noise, timesteps)[0].backward()
    torch.nn.utils.clip_grad_norm_([p for p in unet.parameters() if p.grad is not None], 1.0)


SOURCE = Source("training", (STEP,), measure)
