"""The networks of Animate-X++, the files that they are loaded from, and how they share a device."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ..animate_x.components import OnDeviceImageEncoder
from ..encoders.base import ImageEncoder
from ..encoders.open_clip import OpenClipImageEncoder
from ..hub.models_dir import OPEN_CLIP, PLUS_MODULES, ModelsDir, Variant
from ..utils.devices import free_cuda_bytes, reraise_oom
from ..utils.optional import plus_package
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_file
from .checkpoint import load_plus
from .config import VARIANTS
from .modules import PlusModules
from .shapes import WanShape
from .wan.autoencoder import WanAutoencoder
from .wan.encoders import WanImageEncoder, WanTextEncoder
from .wan.weights import load_wan_file


@contextmanager
def on_device(network: nn.Module, device: torch.device, working_bytes: int = 0) -> Generator[None]:
    """Keep a network on a device while the context lasts, then return it to where it was.

    Args:
        network: The network.
        device: The device to run on.
        working_bytes: What its activations need beside its weights. If both do not fit on a CUDA device, the
            weights stay where they are and are copied layer by layer in every pass, which is slower.

    Raises:
        MissingDependency: That needs accelerate, which is not installed.

    """
    home = next(network.parameters()).device
    if home == device:
        yield
    elif fits(network, device, working_bytes):
        network.to(device)
        try:
            yield
        finally:
            network.to(home)
    else:
        with streamed(network, device):
            yield


@contextmanager
def streamed(network: nn.Module, device: torch.device) -> Generator[None]:
    """Copy each layer to a device for the time of its work, as long as the context lasts."""
    accelerate = plus_package("accelerate")
    accelerate.cpu_offload(network, execution_device=device)
    try:
        yield
    finally:
        plus_package("accelerate.hooks").remove_hook_from_module(network, recurse=True)


def fits(network: nn.Module, device: torch.device, working_bytes: int) -> bool:
    """Return whether a network and its activations fit on a device; only CUDA devices can be asked.

    Args:
        network: The network, on any device.
        device: The device; anything but CUDA is taken to have enough memory.
        working_bytes: What its activations need.

    """
    if device.type != "cuda":
        return True
    weights = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    return weights + working_bytes < free_cuda_bytes(device)


TRANSFORMERS = ("wan21-i2v-720p", "wan21-i2v-480p")  # either will do; the first is what was trained on
TEXT_ENCODER, IMAGE_ENCODER, AUTOENCODER = "umt5-xxl", "clip-vision-h", "wan21-autoencoder"
_AT_WORK = 24  # tensors of a block, each as large as all tokens


@dataclass(frozen=True)
class PlusFiles:
    """Where the files lie. driving_encoder: OpenCLIP ViT-H-14, of which the full variant alone has need."""

    modules: Path
    transformer: Path
    text_encoder: Path
    image_encoder: Path
    autoencoder: Path
    driving_encoder: Path | None

    @classmethod
    def find(
        cls, folder: ModelsDir, modules: Path, variant: Variant, transformer: Path | None = None
    ) -> "PlusFiles":
        """Find the files that belong to the file of the modules.

        Args:
            folder: The models directory.
            modules: The file of the modules.
            variant: Of the modules; only the full one needs OpenCLIP.
            transformer: The file of Wan's transformer; None for the one in the directory.

        Returns:
            The files.

        Raises:
            InvalidInput: A file is missing; the message says how to get it.

        """
        return cls(
            modules=modules,
            transformer=transformer or folder.require(*TRANSFORMERS),
            text_encoder=folder.require(TEXT_ENCODER),
            image_encoder=folder.require(IMAGE_ENCODER),
            autoencoder=folder.require(AUTOENCODER),
            driving_encoder=folder.require(OPEN_CLIP) if variant == "full" else None,
        )


@dataclass(frozen=True, eq=False)
class AnimateXPlus:
    """The networks, ready for inference; they rest on the CPU and visit `device` one after the other.

    dtype: of the transformer, its conditions and the latents. driving_encoder: None in the simple variant.
    """

    networks: PlusModules
    transformer: nn.Module
    text_encoder: WanTextEncoder
    image_encoder: WanImageEncoder
    autoencoder: WanAutoencoder
    driving_encoder: ImageEncoder | None
    device: torch.device
    dtype: torch.dtype

    def working_bytes(self, shape: WanShape) -> int:
        """Estimate what the transformer needs for a clip beside its weights; not measured, and generous."""
        frames, height, width = shape.grid
        return _AT_WORK * frames * height * width * self.networks.config.dim * self.dtype.itemsize


def load_animate_x_plus(
    files: PlusFiles, dtype: torch.dtype, device: torch.device, progress: Progress = no_progress
) -> AnimateXPlus:
    """Load all networks.

    Args:
        files: The files.
        dtype: Of the transformer, bfloat16 in the official code. Modules, image encoder and OpenCLIP are in
            float32; text encoder and autoencoder in bfloat16, or in float32 with a transformer of float32.
        device: Where the networks run.
        progress: Called with the tensors of the transformer that are loaded, and with all.

    Returns:
        The networks.

    Raises:
        CheckpointError: A file cannot be used.
        OutOfMemory: The networks do not fit into the computer's memory.

    """
    with reraise_oom(
        "The networks of Animate-X++ do not fit into the computer's memory: free about 50 GB, or use them in "
        "ComfyUI, which takes eight bits."
    ):
        return _loaded(files, dtype, device, progress)


def _loaded(files: PlusFiles, dtype: torch.dtype, device: torch.device, progress: Progress) -> AnimateXPlus:
    encoders = torch.float32 if dtype == torch.float32 else torch.bfloat16
    loaded = load_plus(files.modules)
    driving: ImageEncoder | None = None
    if files.driving_encoder is not None:
        driving = OnDeviceImageEncoder(OpenClipImageEncoder.from_file(files.driving_encoder), device)
    return AnimateXPlus(
        networks=loaded.networks,
        text_encoder=WanTextEncoder.from_file(files.text_encoder, encoders),
        image_encoder=WanImageEncoder.from_file(files.image_encoder),
        autoencoder=WanAutoencoder.from_file(files.autoencoder, encoders),
        driving_encoder=driving,
        # Last, for it takes minutes: a fault in another file shows before.
        transformer=load_wan_file(
            files.transformer, loaded.lora, dtype, merging_on=device, progress=progress
        ),
        device=device,
        dtype=dtype,
    )


def find_modules(model: str | Path, folder: ModelsDir) -> Path:
    """Return the file of the modules.

    Args:
        model: "simple" or "full", or a file.
        folder: The models directory, in which a variant is looked for.

    Raises:
        InvalidInput: The file is missing.

    """
    variant = next((variant for variant in VARIANTS if variant == model), None)
    if variant is not None:
        return folder.find_plus(variant) or folder.require(PLUS_MODULES[variant])
    require_file(Path(model), "model")
    return Path(model)
