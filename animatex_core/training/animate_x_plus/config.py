"""Configuration of Animate-X++ training, on top of `loop.config`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, cast

from ...animate_x_plus.config import PlusConfig, WanConfig
from ...animate_x_plus.defaults import SHIFT
from ...animate_x_plus.shapes import WanShape
from ...errors import InvalidInput
from ...hub.models_dir import Variant
from ...utils.validation import MAX_SIZE, require_int
from ..data.settings import Task
from ..loop.config import BatchKind, RunConfig, correct_yaml_values, require_number
from ..loop.config_values import override_entries, read_dataclass
from .trainable_parts import ADDED, TARGETS, WAN, check_parts, check_targets

PRESETS = {"released": PlusConfig.released, "tiny": PlusConfig.tiny}
WAN_PRESETS = {"released": WanConfig.released, "tiny": WanConfig.tiny}


@dataclass(frozen=True, kw_only=True)
class TaskBatchKind(BatchKind):
    """Batches of one task with 4n + 1 frames. The shares set how often each task is trained."""

    task: Task

    @property
    def task_name(self) -> str:
        """Name of the task."""
        return self.task


@dataclass(frozen=True)
class LoraConfig:
    """The LoRA on the transformer. Its scale is 1 for every rank, as in the official code.

    Attributes:
        rank: Rank. The release does not document its own; UniAnimate-DiT publishes 64 and 128.
        targets: Names of the linear layers in every block that get a LoRA.

    """

    rank: int = 128
    targets: tuple[str, ...] = TARGETS

    def __post_init__(self) -> None:
        require_int("lora.rank", self.rank, most=MAX_SIZE)
        check_targets(self.targets)


@dataclass(frozen=True)
class TrainsConfig:
    """Which parts are trained in which task (partial parameter training).

    Parts that a task does not train stay bit-identical in its steps. Parts are the added modules by their
    official names, the LoRA of self-attention, cross-attention and feed-forward layers, and the transformer
    itself. The transformer is frozen unless it is listed, as for training a small Wan or the full fine-tuning
    of UniAnimate-DiT.

    The abstract of the paper names the two tasks and partial parameter training. Which parameters train in
    which task is not published, so the defaults are a guess: cross-attention, which reads the text, is not
    trained in animation, where all prompts are alike; self-attention and the modules, which follow the pose,
    are not trained on clips without poses; the feed-forward layers are trained in both. The configuration
    `plus-paper-shared` holds another guess, the same parts in both tasks.
    """

    animation: tuple[str, ...] = (*ADDED, "lora.self_attn", "lora.ffn")
    ti2v: tuple[str, ...] = ("lora.cross_attn", "lora.ffn")

    def __post_init__(self) -> None:
        for entry in fields(self):
            check_parts(f"trains.{entry.name}", getattr(self, entry.name))

    def parts(self, task: str) -> frozenset[str]:
        """Return the parts that a task trains."""
        return frozenset(getattr(self, task))

    @property
    def whole(self) -> bool:
        """Whether the transformer itself is trained."""
        return WAN in self.animation or WAN in self.ti2v

    @property
    def zeroes_poses(self) -> bool:
        """Whether TI2V trains added modules. They then get pose inputs of zeros, else they are skipped."""
        return not set(ADDED).isdisjoint(self.ti2v)


@dataclass(frozen=True)
class PlusDropoutConfig:
    """Probability of dropping each condition from a sample, independently of the others.

    UniAnimate-DiT drops both poses together at 0.05 and the image at 0.1; the other values are our choice.

    Attributes:
        pose: Pose tokens, which the official code leaves out of the unconditional pass.
        reference_pose: Feature map of the reference pose.
        motion: Tokens of the implicit pose indicator.
        image: CLIP features, mask and latents of the reference image, together.
        text: Caption, which is replaced by the empty prompt.

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
    """Size of the clips in pixels, multiples of 16."""

    width: int = 480
    height: int = 832


@dataclass(frozen=True, kw_only=True)
class PlusTrainingConfig(RunConfig):
    """Training of the added modules and a LoRA on a Wan transformer, which is frozen by default.

    Attributes:
        wan: Size of the transformer. In YAML, a `preset` and the entries that differ from it.
        modules: Size of the added modules. In YAML, a `preset`, a `variant` and the entries that differ.
        transformer: Safetensors file with Wan's weights, or a folder of such files. None generates random
            weights from the seed, for trying out the pipeline.
        lora: The LoRA.
        trains: The parts that each task trains.
        size: Size of the clips.
        dropout: Probabilities of dropping conditions.
        shift: Shift of the sampled sigmas; the default is that of the official sampler.
        initial_weights: Checkpoint of Animate-X++, official or converted, with a LoRA of the same rank.

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
                "to these values."
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the clips."""
        return self.size.width, self.size.height

    def shape(self, frames: int) -> WanShape:
        """Return the shape of clips with this number of frames."""
        return WanShape(self.size.width, self.size.height, frames)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PlusTrainingConfig":
        """Build a configuration from the values of a YAML file or of `to_dict`.

        Raises:
            InvalidInput: If an entry is unknown, missing or has an invalid value.

        """
        sizes: dict[str, Any] = {}
        if "wan" in values:
            sizes["wan"] = read_wan(values["wan"])
        if "modules" in values:
            sizes["modules"] = read_modules(values["modules"])
        return read_dataclass(cls, {**correct_yaml_values(values), **sizes})


def read_wan(values: object) -> WanConfig:
    """Return the size of the transformer: a `preset`, overridden by the other entries."""
    entries = _entries("wan", values, {"preset": "released"})
    start = WAN_PRESETS[_require_choice("wan.preset", entries.pop("preset"), WAN_PRESETS)]()
    return read_dataclass(WanConfig, override_entries(asdict(start), entries, "wan"), "wan")


def read_modules(values: object) -> PlusConfig:
    """Return the size of the added modules: a `preset` and `variant`, overridden by the other entries."""
    entries = _entries("modules", values, {"preset": "released", "variant": None})
    named = entries.pop("variant") or ("simple" if entries.get("ipi", ...) is None else "full")
    variant = cast(Variant, named)  # checked by the presets
    start = PRESETS[_require_choice("modules.preset", entries.pop("preset"), PRESETS)](variant)
    return PlusConfig.from_dict(override_entries(start.to_dict(), entries, "modules"))


def _entries(name: str, values: object, defaults: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{name} is {values!r}: give a mapping with its preset, released or tiny.")
    return {**defaults, **values}


def _require_choice(name: str, value: object, choices: Mapping[str, Any]) -> str:
    if value not in choices:
        raise InvalidInput(f"{name} is {value!r}: choose one of {', '.join(choices)}.")
    return str(value)
