"""Which conditions a sample keeps, and which samples of a batch can be encoded together."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from ...model.conditions import ConditionInputs
from .config import DropoutConfig

INPUTS = {
    "reference_image": ("reference_image",),
    "reference_latents": ("reference_latents",),
    "pose": ("pose_pictures",),
    "image_embedding": ("image_embedding",),
    "motion": ("keypoints", "clip_features"),
    "puppet": ("puppet_latents",),
}
"""What each entry of `DropoutConfig` drops. All of it dropped is the sampler's unconditional pass."""


def draw_dropped(config: DropoutConfig, rng: np.random.Generator) -> frozenset[str]:
    """Draw the names of the conditions that a sample goes without."""
    fate = rng.random()
    if fate < config.all_dropped:
        return frozenset(INPUTS)
    if fate < config.all_dropped + config.all_kept:
        return frozenset()
    rates = {name: getattr(config, name) for name in INPUTS}
    if not config.puppet:  # without it nothing else is drawn than before there was a puppet
        del rates["puppet"]
    return frozenset(name for name, rate in rates.items() if rng.random() < rate)


def without(inputs: ConditionInputs, dropped: frozenset[str]) -> ConditionInputs:
    """Return the inputs less the conditions of these names."""
    none: dict[str, Any] = dict.fromkeys(entry for name in dropped for entry in INPUTS[name])
    return replace(inputs, **none)


def grouped(clips: Sequence[ConditionInputs], *, together: bool = True) -> list[list[int]]:
    """Return the clips' indices in groups that keep the same conditions: None drops one for a whole batch.

    together=False leaves each clip alone.
    """
    groups: dict[object, list[int]] = {}
    for index, clip in enumerate(clips):
        groups.setdefault(_given(clip) if together else index, []).append(index)
    return list(groups.values())


def joined(clips: Sequence[ConditionInputs]) -> ConditionInputs:
    """Join clips, each a batch of 1, that keep the same conditions."""
    names = ("text_context", *_given(clips[0]))
    tensors = {name: torch.cat([getattr(clip, name) for clip in clips]) for name in names}
    return ConditionInputs(shape=clips[0].shape, **tensors)


def _given(clip: ConditionInputs) -> tuple[str, ...]:
    names = [entry.name for entry in fields(clip) if entry.name not in ("shape", "text_context")]
    return tuple(name for name in names if getattr(clip, name) is not None)
