"""The systems of this project: their names, their defaults, and which one a model's name or file belongs to.

Which system is meant is decided here alone, for commands, evaluation, preparation and training. What only one
of these needs, such as a training task, is looked up by `System.name` where it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path
from types import MappingProxyType

from .hub.models_dir import DENOISER, PLUS_MODULES, Variant


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        name: As commands and configurations call it.
        variant: Of Animate-X++; None for Animate-X.
        frames: How many frames of a driving video it uses by default.
        stride: One frame in how many.
        model_id: Of its official checkpoint in the catalogue of model files.
        family: Name of the system with the same options, preparation and training: both variants of
            Animate-X++ share them.
        sampling_options: Options of `animate` that only this family has.
        preparation_options: Likewise of `prepare`.

    """

    name: str
    variant: Variant | None
    frames: int
    stride: int
    model_id: str
    family: str
    sampling_options: tuple[str, ...]
    preparation_options: tuple[str, ...]

    @property
    def frame_choice(self) -> dict[str, int]:
        """Default frames and stride, under the names of the command line's options."""
        return {"frames": self.frames, "stride": self.stride}


_PLUS_OPTIONS = ("prompt", "negative_prompt", "shift", "teacache", "wan"), ("task", "frames")
ANIMATE_X = System(
    "animate-x",
    None,
    32,
    2,
    DENOISER,
    "animate-x",
    ("solver", "window", "segments", "overlap", "reference_form", "preset", "window_schedule"),
    ("least", "most", "references", "max_stride", "reference_form"),
)
ANIMATE_X_PLUS = System(
    "animate-x-plus", "simple", 81, 1, PLUS_MODULES["simple"], "animate-x-plus", *_PLUS_OPTIONS
)
ANIMATE_X_PLUS_FULL = System(
    "animate-x-plus-full", "full", 81, 1, PLUS_MODULES["full"], "animate-x-plus", *_PLUS_OPTIONS
)
SYSTEMS: Mapping[str, System] = MappingProxyType(
    {system.name: system for system in (ANIMATE_X, ANIMATE_X_PLUS, ANIMATE_X_PLUS_FULL)}
)


def system_of_variant(variant: Variant | None) -> System:
    """Return the system of a variant of Animate-X++; Animate-X for None."""
    return next(system for system in SYSTEMS.values() if system.variant == variant)


def system_of_model(model: str | Path) -> System:
    """Return the system of a model.

    Args:
        model: The name of a system, a model's file, or any other word, which means Animate-X.

    Returns:
        The system.

    Raises:
        CheckpointError: The file cannot be read.

    """
    if str(model) in SYSTEMS:
        return SYSTEMS[str(model)]
    return system_of_file(model) if isfile(model) else ANIMATE_X


def system_of_file(path: str | Path) -> System:
    """Return the system of a checkpoint or converted file; raises CheckpointError if it cannot be read."""
    from .animate_x_plus.checkpoint import is_plus, read_plus  # imports PyTorch, which names do without

    return system_of_variant(read_plus(path).config.variant if is_plus(path) else None)
