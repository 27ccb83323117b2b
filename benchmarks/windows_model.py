"""A small denoiser that sees the noise, to measure windows with: the built-in one estimates a video at once.

It is the configuration `tiny` on an autoencoder of few channels, for videos of 64x96 pixels in windows of 8.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from animatex_core.encoders.autoencoder import StableDiffusionAutoencoder, bundled_config
from animatex_core.hub.bundled import BUNDLED_MODELS, SmallBundle
from animatex_core.training.animate_x.batches import DenoiserBatchMaker, open_dataset, open_epi
from animatex_core.training.animate_x.config import TrainingConfig
from animatex_core.training.animate_x.task import DenoisingTask, export_denoiser
from animatex_core.training.config_file import read_config
from animatex_core.training.loop.checkpoint import checkpoints, latest_checkpoint
from animatex_core.training.loop.trainer import Trainer
from animatex_core.training.small_models.__main__ import read_encoders
from animatex_core.training.small_models.ablations import latent_sizes
from animatex_core.training.small_models.patch_autoencoder import (
    PATCH_AUTOENCODER,
    linear_autoencoder,
    write_patch_autoencoder,
)
from animatex_core.training.small_models.triples_set import TriplesSettings, write_triples
from animatex_core.training.systems import read_checkpoint

WIDTH, HEIGHT, FRAMES, CHANNELS, CLIPS = 64, 96, 8, 12, 1_536


def make_bundle(folder: Path, steps: int) -> SmallBundle:
    """Train the denoiser and write it beside its encoders; what is done already is not repeated.

    Args:
        folder: Of all files, the training's among them.
        steps: Of the training. 5,000 take three quarters of an hour on one core.

    Returns:
        The files.

    """
    bundle = SmallBundle(folder)
    if not bundle.denoiser.is_file():
        _write_encoders(bundle)
        encoders = read_encoders(bundle)
        settings = TriplesSettings(CLIPS, frames=FRAMES, width=WIDTH, height=HEIGHT)
        write_triples(folder / "clips", settings, encoders, print, workers=0)
        autoencoder = StableDiffusionAutoencoder.from_file(
            bundle.autoencoder, bundled_config(bundle.autoencoder)
        )
        _train(folder, _config(folder, steps, latent_sizes(autoencoder)))
        export_denoiser(read_checkpoint(latest_checkpoint(folder / "run")), bundle.denoiser)
    return bundle


def _write_encoders(bundle: SmallBundle) -> None:
    bundle.folder.mkdir(parents=True, exist_ok=True)
    for shipped in (BUNDLED_MODELS.image_encoder, BUNDLED_MODELS.image_encoder_config):
        shutil.copy(shipped, bundle.folder)
    config = replace(PATCH_AUTOENCODER, latent_channels=CHANNELS)
    write_patch_autoencoder(bundle.autoencoder, linear_autoencoder(config), config)


def _config(folder: Path, steps: int, sizes: list[float]) -> TrainingConfig:
    changes = (
        f"data.path={folder / 'clips'}",
        f"size={{width: {WIDTH}, height: {HEIGHT}, factor: 8}}",
        f"batches=[{{frames: {FRAMES}, batch_size: 4}}]",
        f"model.latent_channels={CHANNELS}",
        f"loss.channel_weights={sizes}",
        f"steps={steps}",
        f"optimizer.cooldown_steps={3 * steps // 10}",
    )
    return read_config("tiny", changes)


def _train(folder: Path, config: TrainingConfig) -> None:
    from accelerate import Accelerator

    run = folder / "run"
    dataset = open_dataset(config.data)
    maker = DenoiserBatchMaker(config, dataset, open_epi(config.epi, dataset))
    checkpoint = read_checkpoint(latest_checkpoint(run)) if checkpoints(run) else None
    torch.manual_seed(0)
    Trainer(maker, DenoisingTask(maker), run, Accelerator(cpu=True), checkpoint).run()
