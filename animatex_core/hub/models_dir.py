"""Where the known files lie in a models folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..errors import InvalidInput
from .catalogue import ModelFile, folders_of, load_catalogue, resolve

Variant = Literal["full", "simple"]
"""The two released forms of Animate-X++: with and without the implicit pose indicator."""

DENOISER = "animate-x-denoiser"
OPEN_CLIP = "open-clip-vit-h-14"
AUTOENCODERS = ("sd21-autoencoder", "sd21-checkpoint")  # either will do
POSE_DETECTOR, POSE_ESTIMATOR = "dwpose-detector", "dwpose-estimator"
PLUS_MODULES: Mapping[Variant, str] = MappingProxyType(
    {"full": "animate-x-plus-modules", "simple": "animate-x-plus-simple-modules"}
)
PLUS_CONVERTED: Mapping[Variant, str] = MappingProxyType(
    {"full": "animate-x-plus.safetensors", "simple": "animate-x-plus-simple.safetensors"}
)
BUNDLES = tuple(f"animate-x-{precision}.safetensors" for precision in ("fp16", "bf16"))


@dataclass(frozen=True)
class ModelsDir:
    """A folder with the layout of ComfyUI's `models`."""

    path: Path

    def locate(self, model_file: ModelFile) -> Path | None:
        """Return where a file of a catalogue lies; None where it is not here."""
        return resolve(model_file, folders_of(model_file, self.path))

    def find(self, *file_ids: str) -> Path | None:
        """Return where the first of some known files lies that is here."""
        paths = map(self.locate, map(load_catalogue().find, file_ids))
        return next((path for path in paths if path is not None), None)

    def require(self, *file_ids: str) -> Path:
        """As `find`; raises InvalidInput that says how to get the file."""
        path = self.find(*file_ids)
        if path is None:
            name = load_catalogue().find(file_ids[0]).name
            raise InvalidInput(
                f"{name} is not in {self.path}: name it, or run `animatex models download {file_ids[0]}`."
            )
        return path

    def find_denoiser(self) -> Path | None:
        """Return a converted bundle, or else the released checkpoint."""
        folders = folders_of(load_catalogue().find(DENOISER), self.path)
        bundles = (folder / name for folder in folders for name in BUNDLES)
        return next((path for path in bundles if path.is_file()), None) or self.find(DENOISER)

    def find_plus(self, variant: Variant) -> Path | None:
        """Return the converted file of a variant of Animate-X++, or else its released checkpoint."""
        folders = folders_of(load_catalogue().find(PLUS_MODULES[variant]), self.path)
        converted = (folder / PLUS_CONVERTED[variant] for folder in folders)
        return next((path for path in converted if path.is_file()), None) or self.find(PLUS_MODULES[variant])

    def find_pose_files(self) -> tuple[Path, Path] | None:
        """Return DWPose's detector and estimator, or None unless both are here."""
        detector, estimator = self.find(POSE_DETECTOR), self.find(POSE_ESTIMATOR)
        return (detector, estimator) if detector and estimator else None
