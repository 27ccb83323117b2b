"""Configuration that all trainings share: frozen dataclasses, filled strictly from a YAML file."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ...errors import InvalidInput
from ...utils.validation import MAX_SIZE, require_int

MAX_STEPS = 10**9
MAX_SEED = 2**63 - 1
MAX_WORKERS = 256
MAX_KINDS = 100

MixedPrecision = Literal["no", "bf16", "fp16"]


@dataclass(frozen=True)
class DataConfig:
    """The data set: path of a folder that `animatex prepare` wrote, of shards or of clips for Wan."""

    path: str


@dataclass(frozen=True)
class BatchKind:
    """A kind of batch.

    Attributes:
        frames: Number of frames of each clip.
        batch_size: Number of clips per process.
        share: How often it is drawn, relative to the other kinds.

    """

    frames: int
    batch_size: int
    share: float = 1.0

    def __post_init__(self) -> None:
        require_int("batches.frames", self.frames, most=MAX_SIZE)
        require_int("batches.batch_size", self.batch_size, most=MAX_SIZE)
        require_number("batches.share", self.share, above=0)

    @property
    def task_name(self) -> str:
        """Name of the task, "" if there is only one."""
        return ""


@dataclass(frozen=True)
class OptimizerConfig:
    """Settings of AdamW.

    Attributes:
        learning_rate: Learning rate (paper: 5e-5).
        learning_rate_ipi: Learning rate of the implicit pose indicator (paper: 5e-7).
        warmup_steps: Number of first steps in which the learning rates rise linearly.
        cooldown_steps: Number of last steps in which they fall linearly to zero.
        weight_decay: Weight decay.
        betas: Decay of the two moments.
        clip_norm: Maximum norm of the gradient.

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
            require_number(f"optimizer.{name}", getattr(self, name), least=0)
        for beta in self.betas:
            require_number("each of optimizer.betas", beta, least=0, below=1)
        require_int("optimizer.warmup_steps", self.warmup_steps, least=0, most=MAX_STEPS)
        require_int("optimizer.cooldown_steps", self.cooldown_steps, least=0, most=MAX_STEPS)

    def factor(self, step: int, steps: int) -> float:
        """Return the factor of the learning rates in a step of 0..steps - 1."""
        rise = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        fall = (steps - step) / self.cooldown_steps if self.cooldown_steps else 1.0
        return max(0.0, min(1.0, rise, fall))


@dataclass(frozen=True)
class CheckpointConfig:
    """When checkpoints are written; there is always one at the end.

    Attributes:
        every_steps: Number of steps between checkpoints, or None.
        every_minutes: Minutes between checkpoints, or None.
        keep: Number of checkpoints to keep.

    """

    every_steps: int | None = 1000
    every_minutes: float | None = None
    keep: int = 2

    def __post_init__(self) -> None:
        if self.every_steps is not None:
            require_int("checkpoints.every_steps", self.every_steps, most=MAX_STEPS)
        if self.every_minutes is not None:
            require_number("checkpoints.every_minutes", self.every_minutes, above=0)
        require_int("checkpoints.keep", self.keep, most=MAX_STEPS)


@dataclass(frozen=True, kw_only=True)
class RunConfig(ABC):
    """The settings of a training that do not depend on the model.

    Attributes:
        data: The data set.
        batches: Kinds of batches; every step draws one.
        steps: Number of optimizer steps.
        epi: Settings of the explicit pose indicator. None draws the poses unchanged.
        accumulation: Number of batches per step and process.
        optimizer: Settings of AdamW.
        ema_decay: Decay of the averaged weights, which are exported; it warms up from 0.1.
        mixed_precision: Autocast data type.
        gradient_checkpointing: Whether activations are recomputed in the backward pass.
        seed: Seed of everything random.
        workers: Number of processes that make batches; 0 makes them in the main process.
        checkpoints: When checkpoints are written.
        log_every: Steps between points of TensorBoard's curves. None disables curves and previews.
        minutes: Minutes after which this run stops with a checkpoint, or None.
        initial_weights: File with the initial values of the trained parameters. None draws random ones.

    """

    data: DataConfig
    batches: tuple[BatchKind, ...]
    steps: int
    epi: dict[str, Any] | None = field(default_factory=dict)
    accumulation: int = 1
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    ema_decay: float = 0.9999
    mixed_precision: MixedPrecision = "no"
    gradient_checkpointing: bool = False
    seed: int = 0
    workers: int = 1
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    log_every: int | None = 50
    minutes: float | None = None
    initial_weights: str | None = None

    def __post_init__(self) -> None:
        for name, most in (("steps", MAX_STEPS), ("accumulation", MAX_SIZE)):
            require_int(name, getattr(self, name), most=most)
        for name, most in (("seed", MAX_SEED), ("workers", MAX_WORKERS)):
            require_int(name, getattr(self, name), least=0, most=most)
        require_number("ema_decay", self.ema_decay, least=0, below=1)
        if self.minutes is not None:
            require_number("minutes", self.minutes, above=0)
        if self.log_every is not None:
            require_int("log_every", self.log_every, most=MAX_STEPS)
        if not self.batches:
            raise InvalidInput("batches is empty: give at least one kind of batch.")
        if len(self.batches) > MAX_KINDS:
            raise InvalidInput(f"batches has {len(self.batches)} entries: give {MAX_KINDS} or less.")

    @property
    @abstractmethod
    def pixels(self) -> tuple[int, int]:
        """Width and height of the clips in pixels."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        return asdict(self)


def correct_yaml_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with `mixed_precision: no` as text; YAML reads a bare no as false."""
    corrected = {"mixed_precision": "no"} if values.get("mixed_precision") is False else {}
    return {**values, **corrected}


def require_number(
    name: str,
    value: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Check that a number is finite and within bounds.

    Args:
        name: Name of the value, for the message.
        value: The number.
        least: Inclusive lower bound.
        above: Exclusive lower bound.
        most: Inclusive upper bound.
        below: Exclusive upper bound.

    Raises:
        InvalidInput: If it is not.

    """
    if not (least <= value <= most and (value > above) and (value < below)) or not math.isfinite(value):
        bounds = ((least, "at least"), (above, "more than"), (most, "at most"), (below, "less than"))
        allowed = " and ".join(f"{word} {bound:g}" for bound, word in bounds if math.isfinite(bound))
        raise InvalidInput(f"{name} is {value:g}: it must be {allowed}.")
