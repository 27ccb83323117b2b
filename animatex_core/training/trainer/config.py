"""Everything that a training can be told, as frozen dataclasses that a YAML file fills strictly."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from ...checks import require_whole
from ...encoders.autoencoder import STABLE_DIFFUSION_2_1, AutoencoderConfig
from ...errors import InvalidInput
from ...model.config import PRESETS, DenoiserConfig
from ...shapes import ClipShape
from .strict import check_names, read_dataclass

MixedPrecision = Literal["no", "bf16", "fp16"]


@dataclass(frozen=True)
class DataConfig:
    """Where the clips come from. path: a folder of shards, as `prepare` writes them."""

    path: str


@dataclass(frozen=True)
class SizeConfig:
    """Pixels of the clips, and pixels per latent along one side."""

    width: int = 512
    height: int = 768
    factor: int = 8


@dataclass(frozen=True)
class BatchKind:
    """Batches of `batch_size` clips of `frames` frames a process; share: how often, against the others."""

    frames: int
    batch_size: int
    share: float = 1.0

    def __post_init__(self) -> None:
        require_whole("batches.frames", self.frames)
        require_whole("batches.batch_size", self.batch_size)
        _require("batches.share", self.share, above=0)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW (paper: 5e-5, and 5e-7 for the implicit pose indicator).

    warmup_steps, cooldown_steps: the rates rise linearly over the first steps and fall to zero over the
    last ones. clip_norm: longest gradient.
    """

    learning_rate: float = 5e-5
    learning_rate_ipi: float = 5e-7
    warmup_steps: int = 0
    cooldown_steps: int = 0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        for name in ("learning_rate", "learning_rate_ipi", "weight_decay", "clip_norm"):
            _require(f"optimizer.{name}", getattr(self, name), least=0)
        for beta in self.betas:
            _require("each of optimizer.betas", beta, least=0, below=1)
        require_whole("optimizer.warmup_steps", self.warmup_steps, least=0)
        require_whole("optimizer.cooldown_steps", self.cooldown_steps, least=0)

    def factor(self, step: int, steps: int) -> float:
        """Return what the rates are multiplied by in step 0..steps - 1."""
        rise = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        fall = (steps - step) / self.cooldown_steps if self.cooldown_steps else 1.0
        return max(0.0, min(1.0, rise, fall))


@dataclass(frozen=True)
class DropoutConfig:
    """How often conditions are dropped from a sample, so that guidance has an unconditional pass.

    all_dropped, all_kept: drawn first; otherwise each goes with a probability of its own (paper: 0.1, 0.1,
    and 0.5 each). pose: the drawn poses. motion: what the implicit pose indicator reads.
    """

    all_dropped: float = 0.1
    all_kept: float = 0.1
    reference_image: float = 0.5
    reference_latents: float = 0.5
    pose: float = 0.5
    image_embedding: float = 0.5
    motion: float = 0.5

    def __post_init__(self) -> None:
        for entry in fields(self):
            _require(f"dropout.{entry.name}", getattr(self, entry.name), least=0, most=1)
        _require("dropout.all_dropped + dropout.all_kept", self.all_dropped + self.all_kept, most=1)


@dataclass(frozen=True)
class LossConfig:
    """The mean squared error of v.

    noise_offset: strength of the noise that whole frames share, as the sampler draws it.
    moving_weight: 0 as in the paper; where a clip differs from its still (its mean over time; of a single
        frame the reference), cells weigh up to 1 + moving_weight.
    noise_emphasis: timesteps are drawn with a density proportional to t^noise_emphasis; 0 is uniform.
    """

    noise_offset: float = 0.1
    moving_weight: float = 0.0
    noise_emphasis: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            _require(f"loss.{entry.name}", getattr(self, entry.name), least=0)


@dataclass(frozen=True)
class CheckpointConfig:
    """When checkpoints are written besides at the end, and how many are kept; null: never for that reason."""

    every_steps: int | None = 1000
    every_minutes: float | None = None
    keep: int = 2

    def __post_init__(self) -> None:
        if self.every_steps is not None:
            require_whole("checkpoints.every_steps", self.every_steps)
        if self.every_minutes is not None:
            _require("checkpoints.every_minutes", self.every_minutes, above=0)
        require_whole("checkpoints.keep", self.keep)


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
            require_whole(f"preview.{name}", getattr(self, name))


@dataclass(frozen=True)
class TrainingConfig:
    """A whole training.

    model: `DenoiserConfig`; in YAML a `preset` and what differs from it, or every size.
    epi: settings of the explicit pose indicator; null draws the poses as they are.
    batches: every step draws one kind. accumulation: batches a step and process.
    ema_decay: of the averaged weights, which are what is exported; it warms up from 0.1.
    log_every: steps between two points of TensorBoard's curves; null writes none, and no previews.
    minutes: of work after which this start of the training stops, with a checkpoint.
    initial_weights: a denoiser's file, a bundle or a released checkpoint.
    """

    model: DenoiserConfig
    data: DataConfig
    batches: tuple[BatchKind, ...]
    steps: int
    epi: dict[str, Any] | None = field(default_factory=dict)
    size: SizeConfig = field(default_factory=SizeConfig)
    accumulation: int = 1
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    ema_decay: float = 0.9999
    mixed_precision: MixedPrecision = "no"
    gradient_checkpointing: bool = False
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    seed: int = 0
    workers: int = 1
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    log_every: int | None = 50
    preview: PreviewConfig = field(default_factory=PreviewConfig)
    minutes: float | None = None
    initial_weights: str | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "accumulation"):
            require_whole(name, getattr(self, name))
        for name in ("seed", "workers"):
            require_whole(name, getattr(self, name), least=0)
        _require("ema_decay", self.ema_decay, least=0, below=1)
        if self.minutes is not None:
            _require("minutes", self.minutes, above=0)
        if self.log_every is not None:
            require_whole("log_every", self.log_every)
        if not self.batches:
            raise InvalidInput("batches is empty: give at least one kind of batch.")
        for kind in self.batches:
            self.shape(kind.frames)

    def shape(self, frames: int) -> ClipShape:
        """Return the shape of clips of so many frames."""
        return ClipShape(self.size.width, self.size.height, frames, self.size.factor, self.model.halvings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that YAML and JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Read what YAML gives or `to_dict` wrote; raises InvalidInput for what does not belong."""
        if isinstance(values, Mapping) and "model" in values:
            values = {**values, "model": read_model(values["model"])}
            if values.get("mixed_precision") is False:  # so YAML reads a bare no
                values["mixed_precision"] = "no"
        return read_dataclass(cls, values)


def read_model(values: object) -> DenoiserConfig:
    """Return the denoiser's sizes: those of a `preset`, changed by the other entries."""
    if not isinstance(values, Mapping):
        raise InvalidInput(f"model is {values!r}: give its preset, one of {', '.join(PRESETS)}.")
    preset, changes = values.get("preset"), {k: v for k, v in values.items() if k != "preset"}
    if preset is not None and preset not in PRESETS:
        raise InvalidInput(f"model.preset is {preset!r}: choose one of {', '.join(PRESETS)}.")
    start = DenoiserConfig() if preset is None else PRESETS[preset]()
    return DenoiserConfig.from_dict(_changed(start.to_dict(), changes, "model"))


def _changed(start: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    check_names(changes, start, where)
    return {
        name: _changed(value, changes[name], f"{where}.{name}")
        if isinstance(value, Mapping) and isinstance(changes.get(name), Mapping)
        else changes.get(name, value)
        for name, value in start.items()
    }


def _require(
    name: str,
    value: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    if not (least <= value <= most and (value > above) and (value < below)) or math.isnan(value):
        bounds = ((least, "at least"), (above, "more than"), (most, "at most"), (below, "less than"))
        wanted = " and ".join(f"{word} {bound:g}" for bound, word in bounds if math.isfinite(bound))
        raise InvalidInput(f"{name} is {value:g}: it must be {wanted}.")
