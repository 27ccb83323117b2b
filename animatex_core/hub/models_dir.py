"""The models directory: where known model files are found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..errors import InvalidInput
from .catalogue import ModelFile, default_models_folder, load_catalogue, resolve, search_folders

Variant = Literal["full", "simple"]
"""The two official variants of Animate-X++: with and without the implicit pose indicator."""

DENOISER = "animate-x-denoiser"
OPEN_CLIP = "open-clip-vit-h-14"
AUTOENCODERS = ("sd21-autoencoder", "sd21-checkpoint")  # either one will do
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
    """A directory with the layout of ComfyUI's `models`."""

    path: Path

    @classmethod
    def of(cls, path: str | Path | None) -> "ModelsDir":
        """Return the directory of a path; None is $ANIMATEX_MODELS, else ~/.cache/animatex."""
        return cls(default_models_folder() if path is None else Path(path))

    def locate(self, model_file: ModelFile) -> Path | None:
        """Return the path of a catalogue file, None if it is missing."""
        return resolve(model_file, search_folders(model_file, self.path))

    def find(self, *file_ids: str) -> Path | None:
        """Return the path of the first of some known files that exists, None if all are missing."""
        paths = map(self.locate, map(load_catalogue().find, file_ids))
        return next((path for path in paths if path is not None), None)

    def require(self, *file_ids: str) -> Path:
        """Return the path of the first of some known files; raises InvalidInput, which says how to get it."""
        path = self.find(*file_ids)
        if path is None:
            name = load_catalogue().find(file_ids[0]).name
            raise InvalidInput(
                f"{name} is not in {self.path}: give its path, or run `animatex models download "
                f"{file_ids[0]}`."
            )
        return path

    def find_denoiser(self) -> Path | None:
        """Return a converted bundle if there is one, else the official checkpoint."""
        folders = search_folders(load_catalogue().find(DENOISER), self.path)
        bundles = (folder / name for folder in folders for name in BUNDLES)
        return next((path for path in bundles if path.is_file()), None) or self.find(DENOISER)

    def find_plus(self, variant: Variant) -> Path | None:
        """Return the converted file of an Animate-X++ variant if there is one, else its checkpoint."""
        folders = search_folders(load_catalogue().find(PLUS_MODULES[variant]), self.path)
        converted = (folder / PLUS_CONVERTED[variant] for folder in folders)
        return next((path for path in converted if path.is_file()), None) or self.find(PLUS_MODULES[variant])

    def find_pose_files(self) -> tuple[Path, Path] | None:
        """Return DWPose's detector and estimator, or None unless both exist."""
        detector, estimator = self.find(POSE_DETECTOR), self.find(POSE_ESTIMATOR)
        return (detector, estimator) if detector and estimator else None
