"""Configuration of Animate-X training, on top of `loop.config`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...animate_x.config import PRESETS, DenoiserConfig
from ...animate_x.shapes import ClipShape
from ...encoders.autoencoder import STABLE_DIFFUSION_2_1, AutoencoderConfig
from ...errors import InvalidInput
from ...utils.validation import require_int
from ..loop.config import MAX_STEPS, RunConfig, correct_yaml_values, require_number
from ..loop.config_values import override_entries, read_dataclass


@dataclass(frozen=True)
class SizeConfig:
    """Size of the clips.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        factor: Pixels per latent along one side.
        crop_width: Width in pixels of the part of a clip that a sample shows, see `crops`; 0 for the whole.
        crop_height: Its height in pixels.

    """

    width: int = 512
    height: int = 768
    factor: int = 8
    crop_width: int = 0
    crop_height: int = 0

    def __post_init__(self) -> None:
        for name, most in (("crop_width", self.width), ("crop_height", self.height)):
            require_int(f"size.{name}", getattr(self, name), least=0, most=most)

    @property
    def crop(self) -> tuple[int, int] | None:
        """Height and width of the crops in latents, or None for whole clips."""
        if not (self.crop_width or self.crop_height):
            return None
        width, height = self.shown
        return height // self.factor, width // self.factor

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in pixels of what a sample shows: the whole clip or a crop."""
        return self.crop_width or self.width, self.crop_height or self.height


@dataclass(frozen=True)
class DropoutConfig:
    """Probabilities of dropping conditions from a sample, so that guidance has an unconditional pass.

    Whether all conditions are dropped or kept is drawn first; otherwise each is dropped independently (paper:
    0.1, 0.1, and 0.5 each).

    Attributes:
        all_dropped: Probability of dropping all conditions.
        all_kept: Probability of keeping all conditions.
        reference_image: Pixels of the reference image.
        reference_latents: Latents of the reference image.
        pose: Pose video.
        image_embedding: CLIP embedding of the reference image.
        motion: Inputs of the implicit pose indicator.
        puppet: Reference image warped along the bones, which is not part of the paper.

    """

    all_dropped: float = 0.1
    all_kept: float = 0.1
    reference_image: float = 0.5
    reference_latents: float = 0.5
    pose: float = 0.5
    image_embedding: float = 0.5
    motion: float = 0.5
    puppet: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            require_number(f"dropout.{entry.name}", getattr(self, entry.name), least=0, most=1)
        require_number("dropout.all_dropped + dropout.all_kept", self.all_dropped + self.all_kept, most=1)


@dataclass(frozen=True)
class LossConfig:
    """Settings of the loss, the mean squared error of v.

    Attributes:
        noise_offset: Strength of the noise that is shared by a whole frame, as in the sampler.
        moving_weight: Additional weight of cells that change over time, see `batches.moving_weights`; 0 in
            the paper.
        noise_emphasis: Timesteps are drawn with a density proportional to t^noise_emphasis; 0 is uniform.
        pure_noise: Share of the clips that get the last timestep, where sampling starts.
        channel_weights: Weight of each latent channel; empty for equal weights, as in the paper.
        relative: Divide the error of each clip by that of its puppet, for models with one. A few clips with
            large errors that nothing predicts would otherwise outweigh all others.

    """

    noise_offset: float = 0.1
    moving_weight: float = 0.0
    noise_emphasis: float = 0.0
    pure_noise: float = 0.0
    channel_weights: tuple[float, ...] = ()
    relative: bool = False

    def __post_init__(self) -> None:
        for name in ("noise_offset", "moving_weight", "noise_emphasis"):
            require_number(f"loss.{name}", getattr(self, name), least=0)
        require_number("loss.pure_noise", self.pure_noise, least=0, most=1)
        for weight in self.channel_weights:
            require_number("each of loss.channel_weights", weight, least=0)


@dataclass(frozen=True)
class PreviewConfig:
    """Previews of the first training samples, with the averaged weights.

    Attributes:
        autoencoder: File of the decoder. None disables previews.
        sizes: Size of the decoder, by default that of Stable Diffusion 2.1.
        every_steps: Steps between previews.
        clips: Number of clips.
        frames: Number of frames of each clip.
        steps: Sampling steps.
        guidance: Guidance scale.

    """

    autoencoder: str | None = None
    sizes: AutoencoderConfig = STABLE_DIFFUSION_2_1
    every_steps: int = 2000
    clips: int = 3
    frames: int = 8
    steps: int = 20
    guidance: float = 2.5

    def __post_init__(self) -> None:
        for name in ("every_steps", "clips", "frames", "steps"):
            require_int(f"preview.{name}", getattr(self, name), most=MAX_STEPS)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(RunConfig):
    """Training of the denoiser.

    Attributes:
        model: Size of the denoiser. In YAML, a `preset` and the entries that differ from it, or all entries.
        size: Size of the clips.
        dropout: Probabilities of dropping conditions.
        loss: Settings of the loss.
        preview: Settings of previews.
        initial_weights: A denoiser's file, a bundle or an official checkpoint.

    """

    model: DenoiserConfig
    size: SizeConfig = field(default_factory=SizeConfig)
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    preview: PreviewConfig = field(default_factory=PreviewConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind in self.batches:
            self.shape(kind.frames)
            self.sample_shape(kind.frames)
        if self.loss.channel_weights and self.model.grid_factor > 1:
            raise InvalidInput(
                "loss.channel_weights is for latents, but the loss of a model with a finer grid compares its "
                "cells: leave it empty."
            )
        if len(self.loss.channel_weights) not in (0, self.model.latent_channels):
            raise InvalidInput(
                f"loss.channel_weights has {len(self.loss.channel_weights)} entries, but the latents have "
                f"{self.model.latent_channels} channels: give one for each channel, or none."
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the clips in pixels."""
        return self.size.width, self.size.height

    def shape(self, frames: int) -> ClipShape:
        """Return the shape of clips with this number of frames."""
        return ClipShape(
            self.size.width, self.size.height, frames, self.size.factor, self.model.num_downsamples
        )

    def sample_shape(self, frames: int) -> ClipShape:
        """Return the shape of what a sample shows of a clip: the whole or a crop."""
        return ClipShape(*self.size.shown, frames, self.size.factor, self.model.num_downsamples)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Build a configuration from the values of a YAML file or of `to_dict`.

        Raises:
            InvalidInput: If an entry is unknown, missing or has an invalid value.

        """
        model = {"model": read_model(values["model"])} if "model" in values else {}
        return read_dataclass(cls, {**correct_yaml_values(values), **model})


def read_model(values: object) -> DenoiserConfig:
    """Return the size of the denoiser: a `preset`, overridden by the other entries."""
    if not isinstance(values, Mapping):
        raise InvalidInput(
            f"model is {values!r}: give a mapping with its preset, one of {', '.join(PRESETS)}."
        )
    preset, changes = values.get("preset"), {k: v for k, v in values.items() if k != "preset"}
    if preset is not None and preset not in PRESETS:
        raise InvalidInput(f"model.preset is {preset!r}: choose one of {', '.join(PRESETS)}.")
    start = DenoiserConfig() if preset is None else PRESETS[preset]()
    return DenoiserConfig.from_dict(override_entries(start.to_dict(), changes, "model"))
