"""Retargeting: the motion of a dancer on the body of a character (the paper's EPI, at inference).

Everything is computed in pixels, where both axes have the same unit, so that angles survive when the
two pictures have different shapes.
"""

import warnings

import numpy as np

from ..errors import AnimateXWarning
from ..pose.keypoints import PoseSequence
from .character import Box, Character
from .parts import PARTS, add_parts, drop_parts
from .plan import Plan, in_pixels, plan_for, reference_of
from .settings import ADDABLE, Factors, Mode, RetargetSettings
from .transform import feet_of, ground_line, grounded, rescale

__all__ = [
    "ADDABLE",
    "PARTS",
    "Box",
    "Character",
    "Factors",
    "Mode",
    "Plan",
    "RetargetSettings",
    "plan",
    "retarget",
]

DEFAULT = RetargetSettings()
FLOAT32_MAX = float(np.finfo(np.float32).max)


def retarget(
    driving: PoseSequence, character: Character, settings: RetargetSettings = DEFAULT
) -> PoseSequence:
    """Carry the motion of `driving` over to the character; frames, rate and scores stay.

    The result is in parts of the character's picture; in mode "none", and where nothing is known of the
    character (which warns), of the driving one. Joints that are missing stay missing, but for what
    `settings.add` names; points of score 0 keep their numbers. `plan` tells what is done.
    """
    points = _driving(driving, settings)
    chosen = plan_for(points, driving, character, settings)
    if chosen.how == "passed on":
        warnings.warn(AnimateXWarning(chosen.sentence), stacklevel=2)
    result = rescale(points, chosen.ratios, chosen.motion)
    if settings.ground:
        result = _on_ground(result, points, character, chosen)
    return _poses(result, driving, chosen, settings)


def plan(driving: PoseSequence, character: Character, settings: RetargetSettings = DEFAULT) -> Plan:
    """Return what `retarget` does with the same arguments: `.how` and, for the user, `.description`."""
    return plan_for(_driving(driving, settings), driving, character, settings)


def _driving(driving: PoseSequence, settings: RetargetSettings) -> np.ndarray:
    return add_parts(in_pixels(driving, driving.width, driving.height), settings.add)


def _on_ground(result: np.ndarray, points: np.ndarray, character: Character, chosen: Plan) -> np.ndarray:
    feet = feet_of(points)
    if not feet:
        return result
    reference = reference_of(character)
    if chosen.how not in ("aligned", "retargeted") or reference is None:
        floor = chosen.motion(np.array([0.0, ground_line(points, feet)]))[1]
    elif shared := feet_of(points, reference):
        feet, floor = shared, ground_line(reference, shared)
    elif character.box is not None:
        floor = character.box.bottom * character.height
    else:
        floor = ground_line(result, feet)
    return grounded(result, points, feet, chosen.motion.scale, floor)


def _poses(
    points: np.ndarray, driving: PoseSequence, chosen: Plan, settings: RetargetSettings
) -> PoseSequence:
    places = np.clip(points / [chosen.width, chosen.height, 1], -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
    kept = drop_parts(np.where(points[..., 2:] > 0, places, driving.points), settings.drop)
    return PoseSequence.from_points(kept, chosen.width, chosen.height, driving.fps)
