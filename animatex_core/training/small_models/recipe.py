"""The complete training of the small bundle, in resumable stages."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ...animate_x.checkpoint import DenoiserFile, read_denoiser, write_denoiser
from ...animate_x.training_spec import TrainingSpec
from ...hub.bundled import BUNDLED_MODELS, SmallBundle
from ...utils.files import write_json
from ...video.image import write_image
from ..animate_x.batches import DenoiserBatchMaker, open_dataset, open_epi
from ..animate_x.config import TrainingConfig
from ..animate_x.network import start_unet
from ..animate_x.task import DenoisingTask, export_denoiser
from ..config_file import override_config, read_config
from ..data.preparation import Encoders
from ..data.shards import shard_files
from ..loop.checkpoint import checkpoints, latest_checkpoint
from ..loop.trainer import StepReport, Trainer
from ..synthetic.triples import STRIDES
from ..systems import read_checkpoint
from .gate import DENOISER, Gate, format_scores, image_grid
from .grid_start import set_grid
from .patch_autoencoder import (
    PATCH_AUTOENCODER,
    linear_autoencoder,
    write_patch_autoencoder,
)
from .triples_set import TriplesSettings, write_triples

FAR = (7, 11, 16, 23)  # steps between the frames of a clip, for poses that are nearly independent
CLIPS_PER_SHARD = 64  # clips per shard, the most that an interruption can lose
CLIPS, START = "clips", "start.safetensors"


@dataclass(frozen=True)
class Stage:
    """A stage of the denoiser's training.

    Attributes:
        name: Name of the subfolder of `CLIPS` with the clips.
        clips: Number of clips that are generated before the stage begins.
        steps: Number of training steps.
        strides: Steps between the frames of the clips.
        frames: Length of the clips.
        changes: Changes of the configuration, as for `animatex train --set`.

    """

    name: str
    clips: int
    steps: int
    strides: tuple[int, ...] = FAR
    frames: int = 4
    changes: tuple[str, ...] = ()


STAGES = (Stage("far", 1_792, 5_100, changes=("optimizer.cooldown_steps=2130",)),)
# Consecutive frames and a falling learning rate, for a denoiser that is trained further.
CONTINUED_STAGES = (
    Stage("near", 128, 600, STRIDES, 8, ("optimizer.learning_rate=4e-4", "optimizer.cooldown_steps=550")),
)


@dataclass(frozen=True)
class Recipe:
    """A training in a folder.

    Attributes:
        folder: Folder of all files.
        read_encoders: Loads the encoders of a bundle.
        say: Called with progress messages.
        stages: Stages of the denoiser's training.
        start: Bundle whose autoencoder and denoiser are trained further; None to start from scratch.
        every: Minutes between two validations.
        pairs: Number of held-out clips for validation.

    """

    folder: Path
    read_encoders: Callable[[SmallBundle], Encoders]
    say: Callable[[str], None]
    stages: tuple[Stage, ...] = STAGES
    start: SmallBundle | None = None
    every: float = 20.0
    pairs: int = 8

    def run(self) -> None:
        """Run or resume the training and write the denoiser at the end."""
        self._encoders()
        encoders = self.read_encoders(self._bundle)
        watch = _Validation(self, encoders)
        for number, stage in enumerate(self.stages):
            self._draw(stage, encoders)
            self._train(number, stage, watch)
        self.export()

    def export(self) -> None:
        """Write the denoiser of the latest checkpoint to the folder."""
        export_denoiser(read_checkpoint(latest_checkpoint(self._run)), self._bundle.denoiser)

    @property
    def _bundle(self) -> SmallBundle:
        return SmallBundle(self.folder)

    @property
    def _run(self) -> Path:
        return self.folder / "run"

    def _encoders(self) -> None:
        """Write the autoencoder, if missing, and copy the other models from the package."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for shipped in (
            BUNDLED_MODELS.image_encoder,
            BUNDLED_MODELS.image_encoder_config,
            BUNDLED_MODELS.pose_nets,
        ):
            if not (self.folder / shipped.name).exists():
                shutil.copy(shipped, self.folder / shipped.name)
        if not self._bundle.autoencoder.exists() and self.start is not None:
            shutil.copy(self.start.autoencoder, self._bundle.autoencoder)
        elif not self._bundle.autoencoder.exists():
            write_patch_autoencoder(self._bundle.autoencoder, linear_autoencoder(PATCH_AUTOENCODER))

    def _draw(self, stage: Stage, encoders: Encoders) -> None:
        folder = self.folder / CLIPS / stage.name
        settings = TriplesSettings(
            stage.clips, frames=stage.frames, strides=stage.strides, puppet=True, per_shard=CLIPS_PER_SHARD
        )
        self.say(f"{stage.name}: {len(shard_files(folder)) * CLIPS_PER_SHARD} of {stage.clips} clips exist")
        write_triples(folder, settings, encoders, self.say, workers=0)

    def _train(self, number: int, stage: Stage, watch: "_Validation") -> None:
        from accelerate import Accelerator

        checkpoint = read_checkpoint(latest_checkpoint(self._run)) if checkpoints(self._run) else None
        end = sum(earlier.steps for earlier in self.stages[: number + 1])
        if checkpoint is not None and checkpoint.position.step >= end:
            return
        config = self._config(stage, end, watch, checkpoint)
        self.say(f"stage {number + 1} of {len(self.stages)}: {stage.name}, to step {end}")
        dataset = open_dataset(config.data)
        maker = DenoiserBatchMaker(config, dataset, open_epi(config.epi, dataset))
        accelerator = Accelerator(cpu=True, mixed_precision=config.mixed_precision)
        Trainer(maker, DenoisingTask(maker), self._run, accelerator, checkpoint).run([watch])

    def _config(self, stage: Stage, end: int, watch: "_Validation", checkpoint: Any) -> TrainingConfig:
        changes = [f"steps={end}", f"data.path={self.folder / CLIPS / stage.name}", *stage.changes]
        if checkpoint is not None:
            return override_config(checkpoint.config, changes)
        if self.start is None:
            return read_config("small", [*changes, f"initial_weights={self._start_on_grid(watch)}"])
        config = read_config("small", [*changes, f"initial_weights={self.start.denoiser}"])
        return replace(config, model=read_denoiser(self.start.denoiser).config)

    def _start_on_grid(self, watch: "_Validation") -> Path:
        """Write a denoiser of random weights whose grid holds the pixels of the autoencoder."""
        path = self.folder / START
        config = read_config("small")
        unet = start_unet(config)
        set_grid(unet, watch.encoders.autoencoder, config.size.factor)
        spec = TrainingSpec(config.size.width, config.size.height, reference_form="both")
        file = DenoiserFile(config.model, unet.state_dict(), watch.encoders.text_context, spec)
        write_denoiser(path, file, torch.float32)
        return path


class _Validation:
    """Periodically scores the averaged weights on held-out clips and writes a contact sheet."""

    def __init__(self, recipe: Recipe, encoders: Encoders) -> None:
        self.recipe, self.encoders = recipe, encoders
        self.gate = Gate(encoders, recipe.pairs)
        for name, found in self.gate.controls().items():
            recipe.say(f"held out, {name}: {format_scores(found)}")
        self._since, self._losses = time.monotonic(), list[float]()

    def __call__(self, training: Trainer, report: StepReport) -> None:
        """Record a training step and validate when it is due."""
        self._losses.append(report.loss)
        if time.monotonic() - self._since < 60 * self.recipe.every:
            return
        unet = training.network
        assert training.average is not None
        unet.eval()
        with training.average.in_place():
            found = self.gate.score(unet)
            self._show(unet, report.position.step)
        unet.train()
        loss = sum(self._losses) / len(self._losses)
        samples = report.position.samples
        self.recipe.say(
            f"{time.strftime('%F %T')} step {report.position.step}, {samples} clips, loss {loss:.4f}; "
            f"held out, {DENOISER}: {format_scores(found)}"
        )
        write_json(self.recipe.folder / "held_out.json", {"step": report.position.step, **found})
        self._since, self._losses = time.monotonic(), []

    def _show(self, unet: Any, step: int) -> None:
        rows = []
        for case in self.gate.cases[:6]:
            frames = self.gate.animated(unet, case)
            rows.append([case.true[0], case.puppet[0], frames[0], case.true[-1], case.puppet[-1], frames[-1]])
        write_image(self.recipe.folder / "sheets" / f"step-{step:06}.png", image_grid(rows))
