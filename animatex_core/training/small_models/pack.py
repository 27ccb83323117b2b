"""Packs trained weights into the files of the small bundle and writes its model card."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...animate_x.checkpoint import DenoiserFile, read_denoiser, write_denoiser
from ...animate_x.components import load_small
from ...animate_x.training_spec import TrainingSpec
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import cast_finite
from ...encoders.autoencoder import (
    SMALL_AUTOENCODER,
    AutoencoderConfig,
    autoencoder_metadata,
    bundled_config,
)
from ...errors import InvalidInput, WrongCheckpoint
from ...hub.bundled import SmallBundle
from ...pose.dwpose import load_small_models
from ...utils.files import scratch_folder, storage_errors
from ...utils.text import markdown_table
from .image_encoder import image_encoder_config
from .pose_onnx import write_detector, write_landmarks

OUTPUT = ("out.2.weight", "out.2.bias")  # the last convolution, whose result is added to the puppet
MAX_BYTES = 40_000_000  # of all files together, since they are part of the repository

ABOUT = """# Small models of Animate-X

All models of the animation pipeline in a few megabytes, so that everything runs without a download. They were
trained from random weights on images that the code generates (`animatex_core/training/synthetic`): cartoon
characters, and dancers with other body proportions. They only know drawn characters on plain backgrounds. Use
the official weights for photos, real people and detail. Licence: Apache-2.0, like the code.
"""


@dataclass(frozen=True, eq=False)
class TrainedParts:
    """The trained weights of a bundle, in any precision.

    Attributes:
        denoiser: Weights and configuration of the denoiser.
        autoencoder: Weights of the autoencoder.
        image_encoder: Weights of OpenCLIP's vision tower, with keys that begin with `visual.`.
        image_encoder_config: Configuration of the tower in OpenCLIP's format.
        pose_nets: Weights of `SmallDWPose`.
        autoencoder_config: Configuration of the autoencoder.

    """

    denoiser: DenoiserFile
    autoencoder: Mapping[str, Tensor]
    image_encoder: Mapping[str, Tensor]
    image_encoder_config: Mapping[str, Any]
    pose_nets: Mapping[str, Tensor]
    autoencoder_config: AutoencoderConfig = SMALL_AUTOENCODER


def read_parts(folder: Path) -> TrainedParts:
    """Read trained weights from a folder with the file names of the bundle."""
    files = SmallBundle(folder)
    return TrainedParts(
        denoiser=read_denoiser(files.denoiser),
        autoencoder=open_tensors(files.autoencoder),
        image_encoder=open_tensors(files.image_encoder),
        image_encoder_config=image_encoder_config(),
        pose_nets=open_tensors(files.pose_nets),
        autoencoder_config=bundled_config(files.autoencoder),
    )


def scale_change(parts: TrainedParts, share: float) -> TrainedParts:
    """Scale what the denoiser adds to the puppet.

    What a short training adds is partly noise, which blurs faces and flickers. A smaller share of it is
    closer to the true videos; which share is best is measured.

    Args:
        parts: Trained weights, with a denoiser that starts from the puppet.
        share: 1 keeps the denoiser, 0 returns the puppet.

    Raises:
        InvalidInput: The share is not in 0..1, or the denoiser does not start from a puppet.

    """
    if not 0 <= share <= 1 or not parts.denoiser.config.puppet:
        raise InvalidInput(
            f"The share of the change is {share}, but it must be in 0..1, of a denoiser that starts from the "
            "puppet: pass another share or denoiser."
        )
    scaled = {name: parts.denoiser.tensors[name] * share for name in OUTPUT}
    tensors = {**parts.denoiser.tensors, **scaled}
    return replace(parts, denoiser=replace(parts.denoiser, tensors=tensors))


def pack(parts: TrainedParts, folder: Path, notes: str) -> None:
    """Write a bundle in fp16. Existing files are only replaced once the new ones are complete and load.

    Args:
        parts: The trained weights.
        folder: Folder of the bundle.
        notes: Markdown for the model card, see `model_card`.

    Raises:
        CheckpointError: Weights do not fit their model.
        InvalidInput: The files exceed 40 MB together.
        StorageError: The files cannot be written.

    """
    with scratch_folder(folder / "bundle") as scratch:
        bundle = SmallBundle(scratch)
        _write(parts, bundle, notes)
        _check(bundle)
        with storage_errors(folder):
            for path in bundle.files:
                os.replace(path, folder / path.name)


def model_card(networks: Mapping[str, Mapping[str, Tensor]], trained_on: TrainingSpec, notes: str) -> str:
    """Write the model card.

    Args:
        networks: Weights by file name.
        trained_on: Format of the training clips.
        notes: Markdown with training details and results.

    Returns:
        The card in Markdown.

    """
    clips = f"{trained_on.width}x{trained_on.height} pixels, {trained_on.frames} frames at once"
    counts = [(name, f"{_parameters(tensors):,}") for name, tensors in networks.items()]
    form = f"Videos: {clips}. Reference form: {trained_on.reference_form}.\n"
    return "\n".join([ABOUT, form, markdown_table(("file", "parameters"), counts), "", notes.strip(), ""])


def _parameters(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def _write(parts: TrainedParts, bundle: SmallBundle, notes: str) -> None:
    write_denoiser(bundle.denoiser, parts.denoiser)
    networks = {
        bundle.autoencoder: parts.autoencoder,
        bundle.image_encoder: parts.image_encoder,
        bundle.pose_nets: parts.pose_nets,
    }
    sizes = {bundle.autoencoder: autoencoder_metadata(parts.autoencoder_config)}
    for path, tensors in networks.items():
        _write_halves(path, tensors, sizes.get(path, {}))
    nets = load_small_models(
        bundle.pose_nets
    )  # read back, so that both formats have the same rounded weights
    write_detector(nets.detector, bundle.detector)
    write_landmarks(nets.landmarks, bundle.landmarks)
    named = {bundle.denoiser.name: parts.denoiser.tensors} | {path.name: x for path, x in networks.items()}
    bundle.card.write_text(model_card(named, parts.denoiser.trained_on, notes), encoding="utf-8")
    config = json.dumps(parts.image_encoder_config, indent=2)
    bundle.image_encoder_config.write_text(config + "\n", encoding="utf-8")


def _write_halves(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    halves = {name: cast_finite(name, tensor, torch.float16, path.name) for name, tensor in tensors.items()}
    write_safetensors(path, tensor_layout(halves), halves.items(), metadata)


def _check(bundle: SmallBundle) -> None:
    size = sum(path.stat().st_size for path in bundle.files)
    if size > MAX_BYTES:
        raise InvalidInput(
            f"The files have {size / 1e6:.1f} MB together, but the limit is {MAX_BYTES / 1e6:.0f} MB: train "
            "smaller models."
        )
    networks = load_small(bundle, torch.float32, torch.device("cpu"))
    width = networks.image_encoder.encode(torch.zeros(1, 3, 224, 224)).shape[1]
    if width != networks.unet.config.context_dim:
        raise WrongCheckpoint(
            f"The image encoder has {width} features, but the denoiser expects "
            f"{networks.unet.config.context_dim}: pack models that were trained together."
        )
