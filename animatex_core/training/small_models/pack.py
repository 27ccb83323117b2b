"""From trained weights to the files of the small bundle, with its model card."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...animate_x.checkpoint import DenoiserFile, read_denoiser, write_denoiser
from ...animate_x.components import load_small
from ...animate_x.training_spec import TrainingSpec
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import layout_of, write_safetensors
from ...checkpoints.validation import cast_finite
from ...encoders.autoencoder import (
    SMALL_AUTOENCODER,
    AutoencoderConfig,
    autoencoder_metadata,
    bundled_config,
)
from ...errors import InvalidInput, WrongCheckpoint
from ...hub.bundled import SmallBundle
from ...pose.dwpose import load_pose_nets
from ...utils.files import scratch_folder, storage_errors
from ...utils.text import markdown_table
from .image_encoder import image_encoder_config
from .pose_onnx import write_detector, write_landmarks

ABOUT = """# The small networks of Animate-X

Every network of an animation in a few megabytes, so that all works without a download. They were trained from
random weights on pictures that the code beside them draws (`animatex_core/training/synthetic`): cartoon
characters, and dancers whose bodies are others. They know drawn characters on plain backgrounds and nothing
else; photographs and real people need the released weights. Licence: that of the code, Apache-2.0.
"""


def model_card(networks: Mapping[str, Mapping[str, Tensor]], trained_on: TrainingSpec, told: str) -> str:
    """Return the card in Markdown.

    networks: weights by the names of files. told: Markdown of how they were trained and what was measured.
    """
    clips = f"{trained_on.width}x{trained_on.height} pixels, {trained_on.frames} frames at once"
    counts = [(name, f"{_parameters(tensors):,}") for name, tensors in networks.items()]
    form = f"Clips: {clips}; the reference is shown as {trained_on.reference_form}.\n"
    return "\n".join([ABOUT, form, markdown_table(("file", "parameters"), counts), "", told.strip(), ""])


def _parameters(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


MAX_BYTES = 40_000_000  # of all files together: they lie in the repository


@dataclass(frozen=True, eq=False)
class TrainedParts:
    """Weights in any precision.

    autoencoder: of the sizes autoencoder_config. image_encoder: of OpenCLIP's vision tower, its keys
    beginning with `visual.`; image_encoder_config: in OpenCLIP's form. pose_nets: of `SmallDWPose`.
    """

    denoiser: DenoiserFile
    autoencoder: Mapping[str, Tensor]
    image_encoder: Mapping[str, Tensor]
    image_encoder_config: Mapping[str, Any]
    pose_nets: Mapping[str, Tensor]
    autoencoder_config: AutoencoderConfig = SMALL_AUTOENCODER


def read_parts(folder: Path) -> TrainedParts:
    """Read what was trained from files that are named as those of the bundle."""
    files = SmallBundle(folder)
    return TrainedParts(
        denoiser=read_denoiser(files.denoiser),
        autoencoder=open_tensors(files.autoencoder),
        image_encoder=open_tensors(files.image_encoder),
        image_encoder_config=image_encoder_config(),
        pose_nets=open_tensors(files.pose_nets),
        autoencoder_config=bundled_config(files.autoencoder),
    )


def pack(parts: TrainedParts, folder: Path, told: str) -> None:
    """Write the files of a bundle in fp16 into a folder; told: for its card, see `model_card`.

    They replace those that are there when all are whole and fit together. Raises CheckpointError and its
    kinds for weights that do not fit, InvalidInput for files of more than 40 MB together, and StorageError.
    """
    with scratch_folder(folder / "bundle") as scratch:
        bundle = SmallBundle(scratch)
        _write(parts, bundle, told)
        _check(bundle)
        with storage_errors(folder):
            for path in bundle.files:
                os.replace(path, folder / path.name)


def _write(parts: TrainedParts, bundle: SmallBundle, told: str) -> None:
    write_denoiser(bundle.denoiser, parts.denoiser)
    networks = {
        bundle.autoencoder: parts.autoencoder,
        bundle.image_encoder: parts.image_encoder,
        bundle.pose_nets: parts.pose_nets,
    }
    sizes = {bundle.autoencoder: autoencoder_metadata(parts.autoencoder_config)}
    for path, tensors in networks.items():
        _write_halves(path, tensors, sizes.get(path, {}))
    nets = load_pose_nets(bundle.pose_nets)  # as rounded as they will be elsewhere
    write_detector(nets.detector, bundle.detector)
    write_landmarks(nets.landmarks, bundle.landmarks)
    named = {bundle.denoiser.name: parts.denoiser.tensors} | {path.name: x for path, x in networks.items()}
    bundle.card.write_text(model_card(named, parts.denoiser.trained_on, told), encoding="utf-8")
    config = json.dumps(parts.image_encoder_config, indent=2)
    bundle.image_encoder_config.write_text(config + "\n", encoding="utf-8")


def _write_halves(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    halves = {name: cast_finite(name, tensor, torch.float16, path.name) for name, tensor in tensors.items()}
    write_safetensors(path, layout_of(halves), halves.items(), metadata)


def _check(bundle: SmallBundle) -> None:
    size = sum(path.stat().st_size for path in bundle.files)
    if size > MAX_BYTES:
        raise InvalidInput(
            f"The files are {size / 1e6:.1f} MB together, but {MAX_BYTES / 1e6:.0f} are the most: train "
            "smaller networks."
        )
    networks = load_small(bundle, torch.float32, torch.device("cpu"))
    width = networks.image_encoder.encode(torch.zeros(1, 3, 224, 224)).shape[1]
    if width != networks.unet.config.context_dim:
        raise WrongCheckpoint(
            f"The image encoder's features are {width} wide, but the denoiser reads "
            f"{networks.unet.config.context_dim}: pack networks that were trained together."
        )
