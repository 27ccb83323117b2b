"""How a video's poses are transferred to a character, and why."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..pose.keypoints import PoseSequence, seen
from .alignment import align_to_joints, align_to_neck, fit_to_box
from .bones import BODY_BONES
from .character import Character
from .measure import bone_ratios, common_scale, measure_lengths
from .parts import POINTS_OF
from .settings import RetargetSettings
from .transform import IDENTITY, Similarity, rescale


@dataclass(frozen=True, eq=False)
class Plan:
    """How a video's poses are transferred to a character.

    Attributes:
        how: What the result follows; "passed on" if nothing is known of the character.
        description: The same in words for the user, with the reason.
        ratios: (len(KINDS),) length ratio of each kind of bone.
        motion: Scale and shift of the whole body, in pixels.
        width: Width in pixels of the image to which the result refers.
        height: Its height.

    """

    how: Literal["as released", "aligned", "retargeted", "fitted", "passed on"]
    description: str
    ratios: np.ndarray
    motion: Similarity
    width: int
    height: int

    @property
    def sentence(self) -> str:
        """The description as a sentence."""
        return f"The poses were {self.description}."

    def own_pose(self, character: Character) -> PoseSequence | None:
        """Return the character's own pose; None if it is useless, a guess at a non-human body."""
        return None if self.how in ("fitted", "passed on") else character.pose


def in_pixels(poses: PoseSequence, width: int, height: int) -> np.ndarray:
    """Return the points of poses in an image of this size: (f, 130, 3) float64."""
    return poses.points.astype(np.float64) * [width, height, 1]


def reference_points(character: Character) -> np.ndarray | None:
    """Return the points of the character's pose in pixels, None if there is none."""
    if character.pose is None:
        return None
    return in_pixels(character.pose, character.width, character.height)


def plan_for(
    points: np.ndarray, driving: PoseSequence, character: Character, settings: RetargetSettings
) -> Plan:
    """Plan the transfer of driving points.

    Args:
        points: (f, 130, 3) in pixels.
        driving: The poses that they come from.
        character: The character.
        settings: The settings.

    """
    factors = settings.factors.ratios()
    if settings.mode == "none":
        return Plan("as released", "left as they were", factors, IDENTITY, driving.width, driving.height)
    plan = _by_pose(points, character, settings) or _by_box(points, character, settings)
    if plan is not None:
        return plan
    description = f"passed on unchanged, because {_reason(points, character)}"
    return Plan("passed on", description, factors, IDENTITY, driving.width, driving.height)


def _by_pose(points: np.ndarray, character: Character, settings: RetargetSettings) -> Plan | None:
    reference = reference_points(character)
    if reference is None:
        return None
    own, wanted = measure_lengths(points), measure_lengths(reference)
    scale = common_scale(own, wanted)
    if scale is None:
        return None
    size, factors = (character.width, character.height), settings.factors.ratios()
    if settings.mode == "align":
        motion = align_to_joints(points, reference, scale)
        return Plan("aligned", f"aligned, {scale:.2f} times as large", scale * factors, motion, *size)
    ratios = bone_ratios(own, wanted, scale, settings.bound)
    words = f"retargeted by {_shared_bones(points, reference)} bones, {scale:.2f} times as large"
    return Plan("retargeted", words, ratios * factors, align_to_neck(points, reference, scale), *size)


def _by_box(points: np.ndarray, character: Character, settings: RetargetSettings) -> Plan | None:
    if character.box is None:
        return None
    factors = settings.factors.ratios()
    box = character.box.in_pixels(character.width, character.height)
    legless = not set(POINTS_OF["legs"]) - {point for name in settings.drop for point in POINTS_OF[name]}
    # The factors are applied first, so that feet and head still align with the box.
    motion = fit_to_box(rescale(points, factors, IDENTITY), box, legless)
    if motion is None:
        return None
    words = f"fitted to the character's box, {motion.scale:.2f} times as large"
    return Plan("fitted", words, motion.scale * factors, motion, character.width, character.height)


def _shared_bones(points: np.ndarray, reference: np.ndarray) -> int:
    shown = [(seen(body)[:, BODY_BONES]).all(axis=-1).any(axis=0) for body in (points, reference)]
    return int((shown[0] & shown[1]).sum())


def _reason(points: np.ndarray, character: Character) -> str:
    if not measure_lengths(points).any():
        return "they show too little of a person: give a video or poses of a whole figure"
    if character.pose is None:
        return "nothing is known about the character: give its pose, a mask or a box"
    return "the reference pose shares too few bones with them: give a mask or box of the character"
