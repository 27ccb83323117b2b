"""The bones of the puppet: which part follows which joints, in the reference and in every frame."""

from dataclasses import dataclass, replace

import numpy as np

from ..pose.skeleton import JOINT, PoseSequence, seen

SIDES = ("right", "left")
# Name of a limb's part: its upper and lower joint, and the part that it hangs from.
LIMBS = {
    f"{side}_{name}": (f"{side}_{top}", f"{side}_{end}", parent if parent == "torso" else f"{side}_{parent}")
    for side in SIDES
    for name, top, end, parent in (
        ("upper_arm", "shoulder", "elbow", "torso"),
        ("forearm", "elbow", "wrist", "upper_arm"),
        ("thigh", "hip", "knee", "torso"),
        ("shin", "knee", "ankle", "thigh"),
        ("foot", "ankle", "toe", "shin"),
    )
}
SHORT = 1.0  # pixels: a shorter bone has no direction
FEW, USUAL = 4, 0.3  # with fewer joints a figure is taken to fill at least this part of the picture's height
NEAR = 1.0  # from the picture's middle, in its sides: joints beyond are no joints of the reference
FAR = 100.0  # likewise, for joints of frames
SMALLEST = 4.0  # pixels of a figure
DOWN = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Bone:
    """Where a part's bone begins and ends in pixels: (..., 2) each. Beyond its ends nothing is stretched."""

    start: np.ndarray
    end: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """(...,) in pixels."""
        return np.linalg.norm(self.end - self.start, axis=-1)

    def axis(self, otherwise: np.ndarray = DOWN) -> np.ndarray:
        """Direction at length 1, (..., 2); that of `otherwise` (..., 2) where the bone is too short."""
        length = self.length[..., None]
        return np.where(length >= SHORT, (self.end - self.start) / np.maximum(length, SHORT), otherwise)


def normal(axis: np.ndarray) -> np.ndarray:
    """Direction across an axis (..., 2), a quarter turn from it."""
    return np.stack([-axis[..., 1], axis[..., 0]], axis=-1)


@dataclass(frozen=True, eq=False)
class Joints:
    """Joints in pixels: the reference's (20, 2) and those of f frames (f, 20, 2), where both are known.

    there: (20,) bool, joints that the reference has. moving: those of them that some frame shows. height: of
    the picture, in pixels.
    """

    reference: np.ndarray
    frames: np.ndarray
    there: np.ndarray
    moving: np.ndarray
    height: int

    @classmethod
    def of(cls, reference: PoseSequence, poses: PoseSequence, width: int, height: int) -> "Joints":
        """Take both poses as parts of a picture of this size; what frames lack is filled from others."""
        own = _with_neck(reference.first_shown().body)
        body = _with_neck(poses.body)
        near = (np.abs(own[0, :, :2] - 0.5) <= NEAR).all(axis=1)
        there = seen(own[0]) & near
        moving = there & seen(body).any(axis=0)
        size = np.array([width, height], float)
        return cls(own[0, :, :2] * size, _over_time(body, moving) * size, there, moving, height)

    def shifted(self, pixels: int) -> "Joints":
        """Return the same with the reference's joints moved right and down, for a picture with a margin."""
        return replace(self, reference=self.reference + pixels)

    @property
    def stature(self) -> float:
        """Size of the figure in pixels, from what is known of its joints in the reference."""
        extent = float(np.linalg.norm(np.ptp(self.reference[self.there], axis=0)))
        few = np.count_nonzero(self.there) < FEW
        return max(extent, USUAL * self.height if few else 0.0, SMALLEST)


def _with_neck(body: np.ndarray) -> np.ndarray:
    """Put a missing neck (f, 20, 3) between the shoulders."""
    shoulders = body[:, [JOINT["right_shoulder"], JOINT["left_shoulder"]]]
    addable = ~seen(body[:, JOINT["neck"]]) & seen(shoulders).all(axis=1)
    body = body.copy()
    body[addable, JOINT["neck"]] = shoulders[addable].mean(axis=1)
    return body


def _over_time(body: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """(f, 20, 3) -> (f, 20, 2) with straight lines over gaps; before and after them it stays."""
    places = np.clip(body[..., :2].astype(float), -FAR, FAR)
    there, frames = seen(body), np.arange(len(body))
    for joint in np.flatnonzero(moving & ~there.all(axis=0)):
        known = there[:, joint]
        for axis in range(2):
            places[:, joint, axis] = np.interp(frames, frames[known], places[known, joint, axis])
    return places
