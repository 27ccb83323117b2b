"""The small bundle: every network in a few megabytes, trained, in files beside the code."""

from dataclasses import dataclass
from pathlib import Path

from ..assets import ASSETS

NOTICE = (
    "The small built-in networks were trained on drawn cartoons alone: photographs and real people need the "
    "released weights."
)


@dataclass(frozen=True)
class SmallBundle:
    """The files of a folder."""

    folder: Path

    @property
    def denoiser(self) -> Path:
        """A denoiser's file, with its text context."""
        return self.folder / "denoiser.safetensors"

    @property
    def autoencoder(self) -> Path:
        """The weights of `SMALL_AUTOENCODER`, under the names of diffusers."""
        return self.folder / "autoencoder.safetensors"

    @property
    def image_encoder(self) -> Path:
        """The weights of OpenCLIP's vision tower, in its own form."""
        return self.folder / "image_encoder.safetensors"

    @property
    def image_encoder_config(self) -> Path:
        """Its sizes, in the form of OpenCLIP's configurations."""
        return self.folder / "image_encoder.json"

    @property
    def pose_nets(self) -> Path:
        """The weights of `SmallDWPose`."""
        return self.folder / "pose_nets.safetensors"

    @property
    def detector(self) -> Path:
        """The first of these nets for onnxruntime."""
        return self.folder / "detector.onnx"

    @property
    def landmarks(self) -> Path:
        """The second one."""
        return self.folder / "landmarks.onnx"

    @property
    def card(self) -> Path:
        """What they are and how good, for people."""
        return self.folder / "MODEL_CARD.md"

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them, which belong together."""
        return (
            self.denoiser, self.autoencoder, self.image_encoder, self.image_encoder_config, self.pose_nets,
            self.detector, self.landmarks, self.card,
        )  # fmt: skip


SHIPPED = SmallBundle(ASSETS / "small")
