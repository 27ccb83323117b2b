"""What every training can be told, whatever learns: frozen dataclasses that a YAML file fills strictly."""

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
    """Where the clips come from. path: a folder of shards, as `prepare` writes them, or of Wan's clips."""

    path: str


@dataclass(frozen=True)
class BatchKind:
    """Batches of `batch_size` clips of `frames` frames a process; share: how often, against the others."""

    frames: int
    batch_size: int
    share: float = 1.0

    def __post_init__(self) -> None:
        require_int("batches.frames", self.frames, most=MAX_SIZE)
        require_int("batches.batch_size", self.batch_size, most=MAX_SIZE)
        require_number("batches.share", self.share, above=0)

    @property
    def task_name(self) -> str:
        """What the batches are for; "" where all are for the same."""
        return ""


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
            require_number(f"optimizer.{name}", getattr(self, name), least=0)
        for beta in self.betas:
            require_number("each of optimizer.betas", beta, least=0, below=1)
        require_int("optimizer.warmup_steps", self.warmup_steps, least=0, most=MAX_STEPS)
        require_int("optimizer.cooldown_steps", self.cooldown_steps, least=0, most=MAX_STEPS)

    def factor(self, step: int, steps: int) -> float:
        """Return what the rates are multiplied by in step 0..steps - 1."""
        rise = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        fall = (steps - step) / self.cooldown_steps if self.cooldown_steps else 1.0
        return max(0.0, min(1.0, rise, fall))


@dataclass(frozen=True)
class CheckpointConfig:
    """When checkpoints are written besides at the end, and how many are kept; null: never for that reason."""

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
    """A whole training, less what is trained.

    batches: every step draws one kind. accumulation: batches a step and process.
    epi: settings of the explicit pose indicator; null draws the poses as they are.
    ema_decay: of the averaged weights, which are what is exported; it warms up from 0.1.
    log_every: steps between two points of TensorBoard's curves; null writes none, and no previews.
    minutes: of work after which this start of the training stops, with a checkpoint.
    initial_weights: the file that the parameters which learn begin with; null draws them from the seed.
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
        """Width and height of the clips."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that YAML and JSON can hold."""
        return asdict(self)


def spelt_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's entries as they were meant: a bare no is false to YAML."""
    meant = {"mixed_precision": "no"} if values.get("mixed_precision") is False else {}
    return {**values, **meant}


def require_number(
    name: str,
    value: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise InvalidInput unless a number is within the bounds that are given and finite."""
    if not (least <= value <= most and (value > above) and (value < below)) or not math.isfinite(value):
        bounds = ((least, "at least"), (above, "more than"), (most, "at most"), (below, "less than"))
        wanted = " and ".join(f"{word} {bound:g}" for bound, word in bounds if math.isfinite(bound))
        raise InvalidInput(f"{name} is {value:g}: it must be {wanted}.")
