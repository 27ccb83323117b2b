"""Everything that a training of Animate-X++ can be told, beside what every training can."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, cast

from ...animate_x_plus.config import PlusConfig, WanConfig
from ...animate_x_plus.sampling import SHIFT
from ...animate_x_plus.shapes import WanShape
from ...errors import InvalidInput
from ...hub.models_dir import Variant
from ...utils.validation import MAX_SIZE, require_int
from ..animate_x.config import changed_entries
from ..loop.config import BatchKind, RunConfig, require_number, spelt_out
from ..loop.config_values import read_dataclass
from .trainable_parts import ADDED, TARGETS, WAN, Task, check_parts, check_targets

SYSTEM = "animate-x-plus"
PRESETS = {"released": PlusConfig.released, "tiny": PlusConfig.tiny}
WAN_PRESETS = {"released": WanConfig.released, "tiny": WanConfig.tiny}


@dataclass(frozen=True, kw_only=True)
class TaskBatchKind(BatchKind):
    """Batches of one task; frames: 4n + 1. The kinds' shares say how often each task is trained."""

    task: Task

    @property
    def task_name(self) -> str:
        """What the batches are for."""
        return self.task


@dataclass(frozen=True)
class LoraConfig:
    """The LoRA of the transformer, without a division by the rank, as released.

    rank: the release does not tell its own; UniAnimate-DiT publishes 64 and 128. targets: names of linear
    layers in every block.
    """

    rank: int = 128
    targets: tuple[str, ...] = TARGETS

    def __post_init__(self) -> None:
        require_int("lora.rank", self.rank, most=MAX_SIZE)
        check_targets(self.targets)


@dataclass(frozen=True)
class TrainsConfig:
    """Which parts learn from which task (partial parameter training); all others stay to the bit.

    The parts are the added modules by their released names, the LoRA of self-attention, cross-attention and
    feed-forward, and the transformer itself, which learns from no task unless it is named: that makes a small
    Wan, or is UniAnimate-DiT's full training. Two tasks, and partial training, are the paper's, by its
    abstract; which part each task trains we could not find, and the released code has no training, so that it
    is our choice: the cross-attention, which reads the text, does not learn from animation, whose prompts all
    say the same; self-attention and the modules, which follow the pose, do not learn from clips without one;
    the feed-forward learns from both.
    """

    animation: tuple[str, ...] = (*ADDED, "lora.self_attn", "lora.ffn")
    ti2v: tuple[str, ...] = ("lora.cross_attn", "lora.ffn")

    def __post_init__(self) -> None:
        for entry in fields(self):
            check_parts(f"trains.{entry.name}", getattr(self, entry.name))

    def parts(self, task: str) -> frozenset[str]:
        """Return the parts that learn from a task."""
        return frozenset(getattr(self, task))

    @property
    def whole(self) -> bool:
        """Whether the transformer itself learns."""
        return WAN in self.animation or WAN in self.ti2v


@dataclass(frozen=True)
class PlusDropoutConfig:
    """How often a sample goes without a condition, each drawn on its own.

    pose: the pose tokens, which the released unconditional pass goes without. reference_pose: the map of the
    reference's pose; motion: the tokens of the implicit pose indicator. image: the CLIP features, mask and
    latents of the reference picture, together. text: the text encoder's answer to "" takes its place.
    UniAnimate-DiT drops both poses together at 0.05 and the picture at 0.1; the others are ours.
    """

    pose: float = 0.05
    reference_pose: float = 0.05
    motion: float = 0.05
    image: float = 0.1
    text: float = 0.1

    def __post_init__(self) -> None:
        for entry in fields(self):
            require_number(f"dropout.{entry.name}", getattr(self, entry.name), least=0, most=1)


@dataclass(frozen=True)
class WanSizeConfig:
    """Pixels of the clips, multiples of 16."""

    width: int = 480
    height: int = 832


@dataclass(frozen=True, kw_only=True)
class PlusTrainingConfig(RunConfig):
    """A training of the added modules and a LoRA on a Wan transformer, which stays as it is by default.

    wan, modules: in YAML a `preset` (and of the modules the `variant`), and what differs from it.
    transformer: safetensors file of Wan's weights, or a folder of such; null generates them from the seed,
        which is for trying out the way.
    shift: of the sigmas that are drawn, as the release samples them.
    initial_weights: a checkpoint of Animate-X++, released or converted, with a LoRA of this rank.
    """

    system: Literal["animate-x-plus"] = "animate-x-plus"
    batches: tuple[TaskBatchKind, ...]
    wan: WanConfig
    modules: PlusConfig
    transformer: str | None = None
    lora: LoraConfig = field(default_factory=LoraConfig)
    trains: TrainsConfig = field(default_factory=TrainsConfig)
    size: WanSizeConfig = field(default_factory=WanSizeConfig)
    dropout: PlusDropoutConfig = field(default_factory=PlusDropoutConfig)
    shift: float = SHIFT

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("shift", self.shift, above=0)
        for kind in self.batches:
            self.shape(kind.frames)
        given = self.modules.dim, self.modules.reference_channels
        needed = self.wan.dim, self.wan.in_channels - self.wan.out_channels
        if given != needed:
            raise InvalidInput(
                f"modules.dim and modules.reference_channels are {given}, but wan needs {needed}: set both "
                "to those."
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the clips."""
        return self.size.width, self.size.height

    def shape(self, frames: int) -> WanShape:
        """Return the shape of clips of so many frames."""
        return WanShape(self.size.width, self.size.height, frames)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PlusTrainingConfig":
        """Read what YAML gives or `to_dict` wrote; raises InvalidInput for what does not belong."""
        made: dict[str, Any] = {}
        if "wan" in values:
            made["wan"] = read_wan(values["wan"])
        if "modules" in values:
            made["modules"] = read_modules(values["modules"])
        return read_dataclass(cls, {**spelt_out(values), **made})


def read_wan(values: object) -> WanConfig:
    """Return the transformer's sizes: those of a `preset`, changed by the other entries."""
    entries = _entries("wan", values, {"preset": "released"})
    start = WAN_PRESETS[_chosen("wan.preset", entries.pop("preset"), WAN_PRESETS)]()
    return read_dataclass(WanConfig, changed_entries(asdict(start), entries, "wan"), "wan")


def read_modules(values: object) -> PlusConfig:
    """Return the added modules' sizes: those of a `preset` and `variant`, changed by the other entries."""
    entries = _entries("modules", values, {"preset": "released", "variant": None})
    named = entries.pop("variant") or ("simple" if entries.get("ipi", ...) is None else "full")
    variant = cast(Variant, named)  # which the presets check
    start = PRESETS[_chosen("modules.preset", entries.pop("preset"), PRESETS)](variant)
    return PlusConfig.from_dict(changed_entries(start.to_dict(), entries, "modules"))


def _entries(name: str, values: object, defaults: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{name} is {values!r}: give its preset, released or tiny.")
    return {**defaults, **values}


def _chosen(name: str, value: object, choices: Mapping[str, Any]) -> str:
    if value not in choices:
        raise InvalidInput(f"{name} is {value!r}: choose one of {', '.join(choices)}.")
    return str(value)
