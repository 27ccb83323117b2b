"""The bones of the puppet, and how thick the limbs around them are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..pose.keypoints import JOINT, PoseSequence, seen

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
FEW, TYPICAL_HEIGHT = (
    4,
    0.3,
)  # with fewer joints a figure is taken to fill at least this part of the picture's height
NEAR = 1.0  # from the picture's middle, in its sides: joints beyond are no joints of the reference
FAR = 100.0  # likewise, for joints of frames
MIN_EXTENT = 4.0  # pixels of a figure
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
        return max(extent, TYPICAL_HEIGHT * self.height if few else 0.0, MIN_EXTENT)


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


ALONG = np.linspace(0.15, 0.9, 12)  # places on a bone that are measured
STEP = 0.5  # pixels
CHANGE = 0.16  # of the range of a colour: a larger change ends the limb
LINE = 0.02  # statures: width of an outline, at most
THINNEST, THICKEST = 0.012, 0.1  # radius in statures
TYPICAL_RADIUS = 0.035
ENOUGH = 6  # measurements
SLIM = 0.7  # radius of one half of a limb in radii of the other, at least
HAND_REACH = 0.2  # statures
TYPICAL_HAND, MAX_HAND = 1.5, 3.5  # radii of a hand in radii of the forearm
WRIST = 0.6  # from the wrist to the middle of a hand, in radii of the hand
FAN = np.array([-0.35, 0.0, 0.35])  # tangents of the angles between the forearm and the measured rays


def limb_radii(
    picture: np.ndarray, mask: np.ndarray, bones: Mapping[str, Bone], stature: float
) -> dict[str, float]:
    """Return half the thickness of each limb in pixels, the same for both sides.

    Args:
        picture: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        bones: In the picture, by part: "right_forearm".
        stature: Size of the figure in pixels.

    """
    kinds = sorted({part.split("_", 1)[1] for part in bones})
    radii = {}
    for kind in kinds:
        sides = [bone for part, bone in bones.items() if part.endswith("_" + kind)]
        ends = np.concatenate([_ends(picture, mask, bone, stature) for bone in sides])
        radii[kind] = float(np.median(ends)) if len(ends) >= ENOUGH else TYPICAL_RADIUS * stature
    for upper, lower in (("upper_arm", "forearm"), ("thigh", "shin")):
        if upper in radii and lower in radii:  # where one crosses something it seems too thin
            radii[lower] = max(radii[lower], SLIM * radii[upper])
            radii[upper] = max(radii[upper], SLIM * radii[lower])
    return {part: float(np.clip(radii[part.split("_", 1)[1]], THINNEST * stature, None)) for part in bones}


def _ends(picture: np.ndarray, mask: np.ndarray, bone: Bone, stature: float) -> np.ndarray:
    """Distances from the bone to the limb's edge, (n,): those that are seen and not too far."""
    reach = np.arange(0, THICKEST * stature + STEP, STEP)
    middles = bone.start + ALONG[:, None] * (bone.end - bone.start)
    across = normal(bone.axis()) * np.array([[-1], [1]])
    rays = middles[:, None, None] + reach[:, None] * across[:, None]  # (places, sides, reach, 2)
    inside, colors = sampled(mask, rays), sampled(picture, rays)
    changed = np.abs(colors - colors[:, :, :1]).max(axis=-1) > CHANGE
    last, edge = _first(~inside), _first(changed)
    # A thin line between the change and the mask's end is the limb's own outline.
    line = max(1.5, LINE * stature)
    ends = np.where(last - edge <= line, last, edge + line / 2)
    seen = inside[:, :, 0] & (np.minimum(last, edge) < reach[-1])
    low = np.where(seen, ends, np.inf)
    both = np.isfinite(low).all(axis=1)
    mean = np.where(both & (low.max(axis=1) < 2 * low.min(axis=1) + 1), low.mean(axis=1), low.min(axis=1))
    return mean[np.isfinite(mean)]


def hand_radius(
    picture: np.ndarray, mask: np.ndarray, forearms: Iterable[Bone], radius: float, stature: float
) -> float:
    """Return the radius in pixels of the discs that cover the hands; radius: of the forearms."""
    reach = np.arange(0, HAND_REACH * stature + STEP, STEP)
    found = []
    for bone in forearms:
        turns = bone.axis() + FAN[:, None] * normal(bone.axis())
        rays = bone.end + 0.3 * radius * bone.axis() + reach[:, None] * turns[:, None]
        inside, colors = sampled(mask, rays), sampled(picture, rays)
        changed = np.abs(colors - colors[:, :1]).max(axis=-1) > CHANGE
        last, edge = _first(~inside), _first(changed)
        ends = np.where(last - edge <= max(1.5, LINE * stature), last, edge + 1)
        found += [end for end in ends[inside[:, 0]] if end < reach[-1]]
    if not found:
        return TYPICAL_HAND * radius
    return float(np.clip((np.median(found) + 0.3 * radius) / (1 + WRIST), radius, MAX_HAND * radius))


def _first(ended: np.ndarray) -> np.ndarray:
    """Distance along each ray (..., reach) to its first end, beyond the reach where there is none."""
    return np.where(ended.any(axis=-1), ended.argmax(axis=-1), ended.shape[-1]) * STEP


def sampled(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return values of the pixels at places (..., 2) in x and y, of the nearest where these are outside."""
    height, width = values.shape[:2]
    columns = np.clip(np.floor(places[..., 0]), 0, width - 1).astype(int)
    rows = np.clip(np.floor(places[..., 1]), 0, height - 1).astype(int)
    return values[rows, columns]
