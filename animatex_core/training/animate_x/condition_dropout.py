"""Condition dropout: which conditions a sample keeps, and how samples with different ones are grouped."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from ...animate_x.conditions import ConditionInputs
from .config import DropoutConfig

DROPPED_INPUTS = {
    "reference_image": ("reference_image",),
    "reference_latents": ("reference_latents",),
    "pose": ("pose_pictures",),
    "image_embedding": ("image_embedding",),
    "motion": ("keypoints", "clip_features"),
    "puppet": ("puppet_latents", "puppet_alpha"),
}
"""The inputs that each entry of `DropoutConfig` drops. All dropped is the unconditional pass of guidance."""


def draw_dropped(config: DropoutConfig, rng: np.random.Generator) -> frozenset[str]:
    """Draw the names of the conditions that are dropped from a sample."""
    value = rng.random()
    if value < config.all_dropped:
        return frozenset(DROPPED_INPUTS)
    if value < config.all_dropped + config.all_kept:
        return frozenset()
    rates = {name: getattr(config, name) for name in DROPPED_INPUTS}
    if not config.puppet:  # keeps the random values of trainings without a puppet
        del rates["puppet"]
    return frozenset(name for name, rate in rates.items() if rng.random() < rate)


def drop_conditions(inputs: ConditionInputs, dropped: frozenset[str]) -> ConditionInputs:
    """Return the inputs without these conditions."""
    none: dict[str, Any] = dict.fromkeys(entry for name in dropped for entry in DROPPED_INPUTS[name])
    return replace(inputs, **none)


def group_by_conditions(clips: Sequence[ConditionInputs], *, together: bool = True) -> list[list[int]]:
    """Group clips that keep the same conditions, because a condition can only be dropped for a whole batch.

    Args:
        clips: The conditions of each clip.
        together: False puts each clip into a group of its own.

    Returns:
        Indices of the clips of each group.

    """
    groups: dict[object, list[int]] = {}
    for index, clip in enumerate(clips):
        groups.setdefault(_given(clip) if together else index, []).append(index)
    return list(groups.values())


def join_conditions(clips: Sequence[ConditionInputs]) -> ConditionInputs:
    """Concatenate the conditions of clips that keep the same ones."""
    names = ("text_context", *_given(clips[0]))
    tensors = {name: torch.cat([getattr(clip, name) for clip in clips]) for name in names}
    return ConditionInputs(shape=clips[0].shape, **tensors)


def _given(clip: ConditionInputs) -> tuple[str, ...]:
    names = [entry.name for entry in fields(clip) if entry.name not in ("shape", "text_context")]
    return tuple(name for name in names if getattr(clip, name) is not None)
