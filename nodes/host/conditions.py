"""Animate-X's conditions inside a CONDITIONING of ComfyUI.

A CONDITIONING is a list of [tensor, values]. Ours says nothing in its tensor; among the values stand, under
`CONDITION`, a `ClipCondition`, and under `WINDOWS`, where a sampler wants them, `Windows` of the core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import node_helpers
import torch
from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs
from ...animatex_core.animate_x.sampling import Windows
from ...animatex_core.errors import InvalidInput

CONDITION = "animatex"
WINDOWS = "animatex_windows"
OWN_TEXT = torch.empty(1, 0, 0)
"""A text context that stands for the one that the model's file holds."""

Conditioning = list[list[Any]]


@dataclass(frozen=True, eq=False)
class ClipCondition:
    """What the denoiser is told of a clip. conditional: False in the pass that is told nothing."""

    inputs: ConditionInputs
    conditional: bool = True

    def said(self) -> ConditionInputs:
        """Return what is told in this pass."""
        return self.inputs if self.conditional else self.inputs.unconditional()


def conditioning_pair(inputs: ConditionInputs) -> tuple[Conditioning, Conditioning]:
    """Return the positive and the negative CONDITIONING of a clip."""
    positive, negative = ([[_silent_text(), {CONDITION: ClipCondition(inputs, c)}]] for c in (True, False))
    return positive, negative


def with_windows(conditioning: Conditioning, windows: Windows | None) -> Conditioning:
    """Return a copy under which every sampler denoises overlapping windows and blends them at each step.

    Give it to the positive and the negative alike, so that both may run as one batch.
    """
    return node_helpers.conditioning_set_values(conditioning, {WINDOWS: windows})


def window_of(conditioning: Conditioning, start: int, stop: int) -> Conditioning:
    """Return a copy for the frames start..stop - 1 of the clip alone.

    Raises InvalidInput where it is no conditioning of Animate-X.
    """
    return [[tensor, {**values, CONDITION: _cut(values, start, stop)}] for tensor, values in conditioning]


def clip_condition(values: Mapping[str, Any]) -> ClipCondition:
    """Return what a conditioning's values tell; raises InvalidInput where Animate-X's are not among them."""
    if not isinstance(values.get(CONDITION), ClipCondition):
        raise InvalidInput(
            "The conditioning was not made for Animate-X: wire the positive and the negative of the node "
            "Animate-X Conditioning, not a text prompt."
        )
    return values[CONDITION]


def zeroed_out(condition: ClipCondition, text: Tensor | None) -> ClipCondition:
    """Return what is left of a condition whose CONDITIONING may have gone through ConditioningZeroOut."""
    silenced = text is not None and not text.any()
    return replace(condition, conditional=condition.conditional and not silenced)


def _cut(values: Mapping[str, Any], start: int, stop: int) -> ClipCondition:
    condition = clip_condition(values)
    return replace(condition, inputs=condition.inputs.window(start, stop))


def _silent_text() -> Tensor:
    # Nodes of ComfyUI expect a tensor of the usual form here; ours are ones, to know when a node zeroed them.
    return torch.ones(1, 77, 1024)
