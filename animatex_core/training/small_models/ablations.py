"""Small ablation study: the full method, and the method without each of its two pose indicators.

Every variant is trained from scratch on the same thumbnails, with the same seeds and number of steps. It then
animates held-out characters with the poses of dancers of other proportions, which are not retargeted: the
paper's cross setting (section 4.1).
"""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ...animate_x.components import PipelineComponents
from ...animate_x.settings import SamplingSettings
from ...animate_x.unet import AnimateXUNet
from ...diffusion.guidance import Guidance
from ...encoders.autoencoder import FACTOR, StableDiffusionAutoencoder
from ...encoders.base import ImageEncoder, LatentCodec
from ...utils.documents import document_errors, read_json
from ...utils.files import write_json
from ...utils.text import markdown_table
from ..animate_x.batches import DenoiserBatchMaker, open_dataset, open_epi
from ..animate_x.config import TrainingConfig
from ..animate_x.task import DenoisingTask, to_denoiser_file
from ..config_file import read_config
from ..data.header import require_equal
from ..loop.checkpoint import checkpoints, latest_checkpoint
from ..loop.trainer import OnStep, Trainer
from ..systems import read_checkpoint
from .held_out import CHARACTER_RETARGETING, REAL, HeldOut, HeldOutSettings
from .held_out_report import SCORES, report

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "full": (),
    "without EPI": ("epi=null",),
    "without IPI": ("model.ipi=null",),
}
"""Variant -> changes of the configuration."""

WIDTH, HEIGHT = 64, 96
THUMBNAILS = (
    f"size={{width: {WIDTH}, height: {HEIGHT}, factor: 8}}",
    "batches=[{frames: 4, batch_size: 8}]",
    "epi.probability=0.5",  # the cross setting depends on EPI, and the training budget is small
    "log_every=null",
)
CROSS = HeldOutSettings(
    width=WIDTH,
    height=HEIGHT,
    sampling=SamplingSettings("dpm++2m", 2, Guidance(1.5)),
    driven_by=(REAL,),
    retargeting=replace(CHARACTER_RETARGETING, mode="align"),
)

SETTINGS = "settings.json"
REPEAT = "delete it to measure them again"


@dataclass(frozen=True)
class AblationSettings:
    """Settings shared by all variants.

    Attributes:
        data: Folder of triples of 64 x 96 pixels.
        steps: Steps of each run; the learning rate decays over the last third.
        changes: Changes of the configuration.
        held_out: Settings of the evaluation.

    """

    data: Path
    steps: int
    changes: Sequence[str] = ()
    held_out: HeldOutSettings = CROSS

    @classmethod
    def with_latents_of(
        cls, autoencoder: StableDiffusionAutoencoder, data: Path, steps: int
    ) -> "AblationSettings":
        """Return the settings for the latents of an autoencoder.

        Most channels of the patch autoencoder hold detail, which a short training does not learn. So errors
        count as much as the pixels show them, and training is spent on the only step that is sampled.

        Args:
            autoencoder: Trained, or the patch autoencoder of the shipped bundle.
            data: Triples with its latents.
            steps: Steps of each run.

        """
        channels = f"model.latent_channels={autoencoder.network.config['latent_channels']}"
        if autoencoder.patch != FACTOR:
            return cls(data, steps, (channels,))
        changes = channels, f"loss.channel_weights={latent_sizes(autoencoder)}", "loss.pure_noise=1"
        return cls(data, steps, changes, replace(CROSS, sampling=SamplingSettings.for_small_bundle()))

    def of(self, variant: str, seed: int) -> TrainingConfig:
        """Return the configuration of a run.

        Args:
            variant: A key of VARIANTS.
            seed: Seed of the training.

        """
        budget = f"steps={self.steps}", f"optimizer.cooldown_steps={self.steps // 3}"
        run = f"data.path={self.data}", f"seed={seed}", *VARIANTS[variant]
        return read_config("tiny", [*THUMBNAILS, *budget, *self.changes, *run])

    def identity(self) -> dict[str, Any]:
        """Return what has to be equal for scores to be comparable, as JSON data."""
        channels = self.of("full", 0).model.latent_channels
        return json.loads(
            json.dumps({"steps": self.steps, "latent_channels": channels, **asdict(self.held_out)})
        )


@dataclass(frozen=True, eq=False)
class Ablations:
    """Trains and scores variants, each in its own subfolder; finished runs are not repeated.

    Attributes:
        folder: Folder of all runs.
        settings: Settings shared by all variants.
        image_encoder: Image encoder of the bundle.
        autoencoder: Autoencoder of the bundle.

    """

    folder: Path
    settings: AblationSettings
    image_encoder: ImageEncoder
    autoencoder: LatentCodec

    def run(
        self, variant: str, seed: int, say: Callable[[str], None], watchers: Sequence[OnStep] = ()
    ) -> None:
        """Train and score a variant; resumes an interrupted training.

        Args:
            variant: A key of VARIANTS.
            seed: Seed of the training.
            say: Called with the name of a run that begins.
            watchers: Called after every training step.

        Raises:
            InvalidInput: The run was trained or scored with other settings.

        """
        folder = self.folder / _run_name(variant, seed)
        settings = self.settings.identity()
        if (folder / SCORES).is_file():
            with document_errors(f"{folder} holds scores without their settings", REPEAT):
                require_equal(folder, read_json(folder / SETTINGS), settings)
            return
        say(f"{variant}, seed {seed}")
        self._train(variant, seed, folder, watchers)
        write_json(folder / SETTINGS, settings)
        report(HeldOut(self._networks(folder), self.settings.held_out), folder, lambda _: None)

    def _train(self, variant: str, seed: int, folder: Path, watchers: Sequence[OnStep]) -> None:
        from accelerate import Accelerator

        config = self.settings.of(variant, seed)
        dataset = open_dataset(config.data)
        maker = DenoiserBatchMaker(config, dataset, open_epi(config.epi, dataset))
        checkpoint = read_checkpoint(latest_checkpoint(folder)) if checkpoints(folder) else None
        Trainer(maker, DenoisingTask(maker), folder, Accelerator(cpu=True), checkpoint).run(watchers)

    def _networks(self, folder: Path) -> PipelineComponents:
        file = to_denoiser_file(read_checkpoint(latest_checkpoint(folder)))
        unet = AnimateXUNet(file.config)
        unet.load_state_dict(file.tensors)
        unet.eval().requires_grad_(False)
        assert file.text_context is not None
        return PipelineComponents(
            unet, file.text_context, self.image_encoder, self.autoencoder, file.trained_on
        )


def latent_sizes(autoencoder: StableDiffusionAutoencoder) -> list[float]:
    """Return how much each channel of the latents of a linear autoencoder changes the pixels.

    Args:
        autoencoder: The patch autoencoder.

    Returns:
        The mean square of the change of the pixels by one unit, in proportion: their mean is 1.

    """
    units = torch.eye(autoencoder.network.config["latent_channels"])[:, :, None, None]
    decoded = autoencoder.decode(torch.cat([torch.zeros_like(units[:1]), units]))
    sizes = (decoded[1:] - decoded[:1]).square().mean((1, 2, 3))
    return [round(size, 4) for size in (sizes / sizes.mean()).tolist()]


def summary(folder: Path) -> str:
    """Return the results of all runs in a folder as a Markdown table.

    Args:
        folder: Folder of all runs.

    Returns:
        A row for each variant with the mean and the standard deviation over seeds.

    Raises:
        InvalidInput: A file of scores is damaged.

    """
    runs = {variant: _means(folder, variant) for variant in VARIANTS}
    columns = list(next(run for each in runs.values() for run in each))
    rows = (
        [variant, str(len(each)), *(_spread([run[column] for run in each]) for column in columns)]
        for variant, each in runs.items()
    )
    return markdown_table(["", "seeds", *columns], rows)


def _run_name(variant: str, seed: int | str) -> str:
    return f"{variant.replace(' ', '-')}-{seed}"


def _means(folder: Path, variant: str) -> list[dict[str, float]]:
    files = sorted(folder.glob(f"{_run_name(variant, '*')}/{SCORES}"))
    return [_mean_scores(file) for file in files]


def _mean_scores(file: Path) -> dict[str, float]:
    with document_errors(f"{file} holds no scores", REPEAT):
        return dict(read_json(file)["means"][REAL])


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return ", ".join(f"{value:.3f}" for value in values)
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
