"""`animatex demo`: a clip from conditions to frames on any machine, with weights that nobody trained."""

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from einops import rearrange
from PIL import Image, ImageDraw
from torch import Tensor
from tqdm import tqdm

from animatex_core.encoders.autoencoder import (
    AutoencoderConfig,
    StableDiffusionAutoencoder,
    network_on_meta,
)
from animatex_core.encoders.preprocess import unit_pictures
from animatex_core.errors import StorageError
from animatex_core.model.conditions import ConditionInputs
from animatex_core.model.config import DenoiserConfig
from animatex_core.model.generated import generate_weights
from animatex_core.model.unet import AnimateXUNet
from animatex_core.sampling import SamplingSettings, sample_latents
from animatex_core.shapes import ClipShape

SHAPE = ClipShape(width=128, height=192, frames=8, halvings=2)
STEPS = 8
NOTICE = (
    "The weights of this demo are generated, not trained: its pictures show that everything runs, no more."
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo`."""
    parser = subparsers.add_parser(
        "demo", help="run the whole network, small and untrained, without downloads"
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="folder for the frames")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Sample a clip and write its frames as PNG."""
    print(NOTICE)
    with _storage_errors(arguments.out):
        arguments.out.mkdir(parents=True, exist_ok=True)
    config = DenoiserConfig.tiny()
    unet = AnimateXUNet(config)
    generate_weights(unet)
    settings = SamplingSettings(solver="dpm++2m", steps=STEPS, seed=arguments.seed)
    with tqdm(total=STEPS, desc="sampling", unit="step") as bar:
        latents = sample_latents(unet.eval(), _inputs(config), settings, lambda _: bar.update())
    pictures = _autoencoder().decode(rearrange(latents, "1 c f h w -> f c h w"))
    _write(pictures, arguments.out)
    print(f"{len(pictures)} frames of {SHAPE.width}x{SHAPE.height} are in {arguments.out}")


def _inputs(config: DenoiserConfig) -> ConditionInputs:
    """Conditions of a swinging pendulum; the features that CLIP would give are drawn at random."""
    generator = torch.Generator().manual_seed(0)
    frames = SHAPE.frames + 1
    poses = unit_pictures([_pendulum(t / SHAPE.frames) for t in range(frames)], SHAPE.width, SHAPE.height)
    return ConditionInputs(
        shape=SHAPE,
        text_context=torch.randn(1, config.text_tokens, config.context_dim, generator=generator),
        image_embedding=torch.randn(1, 1, config.context_dim, generator=generator),
        reference_image=poses[None, :1].transpose(1, 2),
        pose_pictures=rearrange(poses, "f c h w -> 1 c f h w"),
        keypoints=torch.rand(1, frames, 2, 18, generator=generator),
        clip_features=torch.randn(1, frames, config.context_dim, generator=generator),
    )


def _pendulum(time: float) -> Image.Image:
    picture = Image.new("RGB", (SHAPE.width, SHAPE.height))
    angle = 0.8 * math.sin(2 * math.pi * time)
    pivot = (SHAPE.width / 2, SHAPE.height / 4)
    end = (pivot[0] + 80 * math.sin(angle), pivot[1] + 80 * math.cos(angle))
    ImageDraw.Draw(picture).line([pivot, end], fill=(255, 85, 0), width=8)
    return picture


def _autoencoder() -> StableDiffusionAutoencoder:
    config = AutoencoderConfig(channels=(32, 32, 32, 32), blocks=1)
    network = network_on_meta(config).to_empty(device="cpu")
    generate_weights(network)
    return StableDiffusionAutoencoder.from_tensors(network.state_dict(), config, batch_size=SHAPE.frames)


def _write(pictures: Tensor, folder: Path) -> None:
    values = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()
    with _storage_errors(folder):
        for index, picture in enumerate(rearrange(values, "f c h w -> f h w c").numpy()):
            Image.fromarray(picture).save(folder / f"frame_{index:03d}.png")


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The frames could not be written to {folder} ({error.strerror}): choose another folder by --out."
        ) from error
