"""Retargeting: transfer a person's motion to the body of a character, as in EPI at inference (section 3.3).

Everything is computed in pixels, where both axes have the same unit, so that angles are preserved between
images of different aspect ratios.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import warn
from ..pose.keypoints import PoseSequence
from .character import Box, Character
from .parts import PARTS, add_parts, drop_parts
from .plan import Plan, in_pixels, plan_for, reference_points
from .settings import ADDABLE, Factors, Mode, RetargetSettings
from .transform import ground_line, move_to_ground, rescale, visible_feet

__all__ = [
    "ADDABLE",
    "PARTS",
    "Box",
    "Character",
    "Factors",
    "Mode",
    "Plan",
    "RetargetSettings",
    "Retargeted",
    "plan",
    "retarget",
    "retarget_with_plan",
]

DEFAULT = RetargetSettings()
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Retargeted:
    """Retargeted poses, and how they were made.

    Attributes:
        poses: The result, with as many frames as the driving poses.
        plan: How the poses were transferred.
        own_pose: The character's own pose; None if there is none or it is useless.

    """

    poses: PoseSequence
    plan: Plan
    own_pose: PoseSequence | None


def retarget_with_plan(
    driving: PoseSequence,
    character: Character,
    settings: RetargetSettings = DEFAULT,
    measured: PoseSequence | None = None,
) -> Retargeted:
    """Transfer the motion of `driving` to a character, and explain how.

    This is `retarget` and `plan` in one call, with the same arguments and warning. The plan is made for the
    poses `measured`, if given: those of the part of a dance that is continued.
    """
    return _retargeted(driving, character, settings, measured)


def retarget(
    driving: PoseSequence, character: Character, settings: RetargetSettings = DEFAULT
) -> PoseSequence:
    """Transfer the motion of `driving` to a character; frames, frame rate and scores stay.

    Missing joints stay missing, except for those in `settings.add`; points with a score of 0 are unchanged.
    An AnimateXWarning says if nothing is known of the character.

    Args:
        driving: The driving poses.
        character: The character.
        settings: The settings.

    Returns:
        The poses as fractions of the character's image; in mode "none", and if nothing is known of the
        character, of the driving image.

    """
    return _retargeted(driving, character, settings).poses


def plan(driving: PoseSequence, character: Character, settings: RetargetSettings = DEFAULT) -> Plan:
    """Return how `retarget` transfers poses with the same arguments, without transferring them.

    Args:
        driving: The driving poses.
        character: The character.
        settings: The settings.

    """
    return plan_for(_driving(driving, settings), driving, character, settings)


def _retargeted(
    driving: PoseSequence,
    character: Character,
    settings: RetargetSettings,
    measured: PoseSequence | None = None,
) -> Retargeted:
    points = _driving(driving, settings)
    example = driving if measured is None else measured
    chosen = plan_for(_driving(example, settings), example, character, settings)
    if chosen.how == "passed on":
        warn(chosen.sentence, stacklevel=3)
    result = rescale(points, chosen.ratios, chosen.motion)
    if settings.ground:
        result = _on_ground(result, points, character, chosen)
    return Retargeted(_poses(result, driving, chosen, settings), chosen, chosen.own_pose(character))


def _driving(driving: PoseSequence, settings: RetargetSettings) -> np.ndarray:
    return add_parts(in_pixels(driving, driving.width, driving.height), settings.add)


def _on_ground(result: np.ndarray, points: np.ndarray, character: Character, chosen: Plan) -> np.ndarray:
    feet = visible_feet(points)
    if not feet:
        return result
    reference = reference_points(character)
    if chosen.how not in ("aligned", "retargeted") or reference is None:
        floor = chosen.motion(np.array([0.0, ground_line(points, feet)]))[1]
    elif shared := visible_feet(points, reference):
        feet, floor = shared, ground_line(reference, shared)
    elif character.box is not None:
        floor = character.box.bottom * character.height
    else:
        floor = ground_line(result, feet)
    return move_to_ground(result, points, feet, chosen.motion.scale, floor)


def _poses(
    points: np.ndarray, driving: PoseSequence, chosen: Plan, settings: RetargetSettings
) -> PoseSequence:
    places = np.clip(points / [chosen.width, chosen.height, 1], -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
    kept = drop_parts(np.where(points[..., 2:] > 0, places, driving.points), settings.drop)
    return PoseSequence.from_points(kept, chosen.width, chosen.height, driving.fps)
