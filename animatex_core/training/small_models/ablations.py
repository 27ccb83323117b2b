"""The paper's claim in miniature: the method, and the method without each of its two pose indicators.

Every variant is trained from scratch on the same thumbnails, with the same seeds and as many steps, and
animates held-out characters by dancers of other bodies, whose poses keep the dancer's own body: the paper's
cross setting (section 4.1).
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...animate_x.components import PipelineComponents
from ...animate_x.unet import AnimateXUNet
from ...encoders.base import ImageEncoder, LatentCodec
from ...errors import InvalidInput
from ...utils.documents import read_json
from ...utils.text import markdown_table
from ..animate_x.batches import DenoiserBatchMaker, open_dataset, open_epi
from ..animate_x.task import DenoisingTask, denoiser_of
from ..config_file import read_config
from ..loop.checkpoint import checkpoints, latest_checkpoint
from ..loop.trainer import OnStep, Trainer
from ..saved_runs import read_checkpoint
from .held_out import LIKE_THE_CHARACTER, REAL, SCORES, HeldOut, HeldOutSettings, report

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "full": (),
    "without EPI": ("epi=null",),
    "without IPI": ("model.ipi=null",),
}
"""Name -> what it changes of the configuration."""

WIDTH, HEIGHT = 64, 96
THUMBNAILS = (
    f"size={{width: {WIDTH}, height: {HEIGHT}, factor: 8}}",
    "batches=[{frames: 4, batch_size: 8}]",
    "epi.probability=0.5",  # the cross setting asks for what EPI teaches, and the budget is small
    "log_every=null",
)
CROSS = HeldOutSettings(
    width=WIDTH,
    height=HEIGHT,
    driven_by=(REAL,),
    retargeting=replace(LIKE_THE_CHARACTER, mode="align"),
)


@dataclass(frozen=True)
class AblationSettings:
    """data: triples of 64 x 96 pixels. steps: of every training, which ends in a third of falling rates.

    changes: of the configuration, for all variants alike. held_out: what is scored.
    """

    data: Path
    steps: int
    changes: Sequence[str] = ()
    held_out: HeldOutSettings = CROSS


@dataclass(frozen=True, eq=False)
class Ablations:
    """Trains and scores variants, each in a folder of its own under `folder`, where it is done once."""

    folder: Path
    settings: AblationSettings
    image_encoder: ImageEncoder
    autoencoder: LatentCodec

    def run(
        self, variant: str, seed: int, say: Callable[[str], None], watchers: Sequence[OnStep] = ()
    ) -> None:
        """Train and score a variant with a seed, or go on where that was interrupted."""
        folder = self.folder / _run_name(variant, seed)
        if (folder / SCORES).is_file():
            return
        say(f"{variant}, seed {seed}")
        self._train(variant, seed, folder, watchers)
        report(HeldOut(self._networks(folder), self.settings.held_out), folder, lambda _: None)

    def _train(self, variant: str, seed: int, folder: Path, watchers: Sequence[OnStep]) -> None:
        from accelerate import Accelerator

        settings = self.settings
        budget = f"steps={settings.steps}", f"optimizer.cooldown_steps={settings.steps // 3}"
        own = f"data.path={settings.data}", f"seed={seed}", *VARIANTS[variant]
        config = read_config("tiny", [*THUMBNAILS, *budget, *settings.changes, *own])
        dataset = open_dataset(config.data)
        maker = DenoiserBatchMaker(config, dataset, open_epi(config.epi, dataset))
        begun = read_checkpoint(latest_checkpoint(folder)) if checkpoints(folder) else None
        Trainer(maker, DenoisingTask(maker), folder, Accelerator(cpu=True), begun).run(watchers)

    def _networks(self, folder: Path) -> PipelineComponents:
        file = denoiser_of(read_checkpoint(latest_checkpoint(folder)))
        unet = AnimateXUNet(file.config)
        unet.load_state_dict(file.tensors)
        unet.eval().requires_grad_(False)
        assert file.text_context is not None
        return PipelineComponents(
            unet, file.text_context, self.image_encoder, self.autoencoder, file.trained_on
        )


def summary(folder: Path) -> str:
    """Return what all runs under a folder came to, as a table in Markdown: mean and deviation over seeds."""
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
    try:
        return dict(read_json(file)["means"][REAL])
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InvalidInput(f"{file} holds no scores ({error}): delete it to measure them again.") from error


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return ", ".join(f"{value:.3f}" for value in values)
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
