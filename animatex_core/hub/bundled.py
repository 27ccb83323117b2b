"""The bundled demo models: every model of the pipeline in a few megabytes, shipped with the code."""

from dataclasses import dataclass
from pathlib import Path

from ..assets import ASSETS

NOTICE = (
    "The bundled demo models were trained on drawn cartoons only: use the official weights for photos and "
    "real people."
)


@dataclass(frozen=True)
class SmallBundle:
    """The files of a directory with small models."""

    folder: Path

    @property
    def denoiser(self) -> Path:
        """The denoiser, with its text context."""
        return self.folder / "denoiser.safetensors"

    @property
    def autoencoder(self) -> Path:
        """The autoencoder of `SMALL_AUTOENCODER`, with diffusers' keys."""
        return self.folder / "autoencoder.safetensors"

    @property
    def image_encoder(self) -> Path:
        """The vision tower of an OpenCLIP model, with OpenCLIP's keys."""
        return self.folder / "image_encoder.safetensors"

    @property
    def image_encoder_config(self) -> Path:
        """The sizes of that model, as an OpenCLIP configuration."""
        return self.folder / "image_encoder.json"

    @property
    def pose_nets(self) -> Path:
        """The detector and the estimator of `SmallDWPose`."""
        return self.folder / "pose_nets.safetensors"

    @property
    def detector(self) -> Path:
        """The person detector for ONNX Runtime."""
        return self.folder / "detector.onnx"

    @property
    def landmarks(self) -> Path:
        """The keypoint estimator for ONNX Runtime."""
        return self.folder / "landmarks.onnx"

    @property
    def card(self) -> Path:
        """The model card: what the models are, and how good."""
        return self.folder / "MODEL_CARD.md"

    @property
    def files(self) -> tuple[Path, ...]:
        """All of these files, which belong together."""
        return (
            self.denoiser,
            self.autoencoder,
            self.image_encoder,
            self.image_encoder_config,
            self.pose_nets,
            self.detector,
            self.landmarks,
            self.card,
        )


BUNDLED_MODELS = SmallBundle(ASSETS / "small")
