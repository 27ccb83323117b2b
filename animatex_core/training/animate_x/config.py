"""Everything that a training of Animate-X can be told, beside what every training can."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...animate_x.config import PRESETS, DenoiserConfig
from ...animate_x.shapes import ClipShape
from ...encoders.autoencoder import STABLE_DIFFUSION_2_1, AutoencoderConfig
from ...errors import InvalidInput
from ...utils.validation import require_int
from ..loop.config import MAX_STEPS, RunConfig, require_number, spelt_out
from ..loop.config_values import check_names, read_dataclass


@dataclass(frozen=True)
class SizeConfig:
    """Pixels of the clips, and pixels per latent along one side."""

    width: int = 512
    height: int = 768
    factor: int = 8


@dataclass(frozen=True)
class DropoutConfig:
    """How often conditions are dropped from a sample, so that guidance has an unconditional pass.

    all_dropped, all_kept: drawn first; otherwise each goes with a probability of its own (paper: 0.1, 0.1,
    and 0.5 each). pose: the drawn poses. motion: what the implicit pose indicator reads. puppet: the
    reference carried along the bones, of which the paper knows nothing.
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
    """The mean squared error of v.

    noise_offset: strength of the noise that whole frames share, as the sampler draws it.
    moving_weight: 0 as in the paper; where a clip differs from its still (its mean over time; of a single
        frame the reference), cells weigh up to 1 + moving_weight.
    noise_emphasis: timesteps are drawn with a density proportional to t^noise_emphasis; 0 is uniform.
    pure_noise: share of the clips that are given the last timestep, at which sampling begins.
    channel_weights: how much each latent channel counts; empty where all count alike, as in the paper.
    """

    noise_offset: float = 0.1
    moving_weight: float = 0.0
    noise_emphasis: float = 0.0
    pure_noise: float = 0.0
    channel_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("noise_offset", "moving_weight", "noise_emphasis"):
            require_number(f"loss.{name}", getattr(self, name), least=0)
        require_number("loss.pure_noise", self.pure_noise, least=0, most=1)
        for weight in self.channel_weights:
            require_number("each of loss.channel_weights", weight, least=0)


@dataclass(frozen=True)
class PreviewConfig:
    """Clips sampled with the averaged weights, of the first samples of the training.

    autoencoder: file of the decoder, without which nothing is shown; sizes: its own, by default those of
    Stable Diffusion 2.1. clips, frames: how many; every_steps: how often; steps, guidance: of the sampler.
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
    """A training of the denoiser.

    model: `DenoiserConfig`; in YAML a `preset` and what differs from it, or every size.
    initial_weights: a denoiser's file, a bundle or a released checkpoint.
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
        if len(self.loss.channel_weights) not in (0, self.model.latent_channels):
            raise InvalidInput(
                f"loss.channel_weights has {len(self.loss.channel_weights)} entries, but the latents have "
                f"{self.model.latent_channels} channels: give one for each, or none."
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the clips."""
        return self.size.width, self.size.height

    def shape(self, frames: int) -> ClipShape:
        """Return the shape of clips of so many frames."""
        return ClipShape(
            self.size.width, self.size.height, frames, self.size.factor, self.model.num_downsamples
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Read what YAML gives or `to_dict` wrote; raises InvalidInput for what does not belong."""
        model = {"model": read_model(values["model"])} if "model" in values else {}
        return read_dataclass(cls, {**spelt_out(values), **model})


def read_model(values: object) -> DenoiserConfig:
    """Return the denoiser's sizes: those of a `preset`, changed by the other entries."""
    if not isinstance(values, Mapping):
        raise InvalidInput(f"model is {values!r}: give its preset, one of {', '.join(PRESETS)}.")
    preset, changes = values.get("preset"), {k: v for k, v in values.items() if k != "preset"}
    if preset is not None and preset not in PRESETS:
        raise InvalidInput(f"model.preset is {preset!r}: choose one of {', '.join(PRESETS)}.")
    start = DenoiserConfig() if preset is None else PRESETS[preset]()
    return DenoiserConfig.from_dict(changed_entries(start.to_dict(), changes, "model"))


def changed_entries(start: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return entries with some changed, however deep; raises InvalidInput for one that is not there."""
    check_names(changes, start, where)
    return {
        name: changed_entries(value, changes[name], f"{where}.{name}")
        if isinstance(value, Mapping) and isinstance(changes.get(name), Mapping)
        else changes.get(name, value)
        for name, value in start.items()
    }
