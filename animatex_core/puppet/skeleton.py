"""The puppet's bones, and the thickness of the limbs around them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..pose.keypoints import JOINT, PoseSequence, seen

SIDES = ("right", "left")
ARMS, LEGS = ("upper_arm", "forearm"), ("thigh", "shin", "foot")
# Part -> its upper joint, its lower joint and its parent part.
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
FEW, TYPICAL_HEIGHT = 4, 0.3  # with fewer joints a figure is assumed to fill this fraction of the height
NEAR = 1.0  # maximum distance of reference joints from the image's centre, in image sizes
FAR = 100.0  # likewise for joints in frames
MIN_EXTENT = 4.0  # minimum size of a figure in pixels
DOWN = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Bone:
    """Bone of a part. Pixels beyond its ends are not stretched.

    Attributes:
        start: (..., 2) in pixels.
        end: (..., 2) in pixels.

    """

    start: np.ndarray
    end: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Length in pixels: (...,)."""
        return np.linalg.norm(self.end - self.start, axis=-1)

    def axis(self, otherwise: np.ndarray = DOWN) -> np.ndarray:
        """Return the unit direction (..., 2), or `otherwise` (..., 2) where the bone is too short."""
        length = self.length[..., None]
        return np.where(length >= SHORT, (self.end - self.start) / np.maximum(length, SHORT), otherwise)


def normal(axis: np.ndarray) -> np.ndarray:
    """Rotate directions (..., 2) by a quarter turn."""
    return np.stack([-axis[..., 1], axis[..., 0]], axis=-1)


@dataclass(frozen=True, eq=False)
class Joints:
    """Joints of the reference and of f frames, in pixels.

    Attributes:
        reference: (20, 2).
        frames: (f, 20, 2).
        there: (20,) bool, joints visible in the reference.
        moving: (20,) bool, those of them visible in some frame.
        height: Height of the image in pixels.

    """

    reference: np.ndarray
    frames: np.ndarray
    there: np.ndarray
    moving: np.ndarray
    height: int

    @classmethod
    def of(cls, reference: PoseSequence, poses: PoseSequence, width: int, height: int) -> "Joints":
        """Create joints from poses in an image of this size; joints missing in frames are interpolated."""
        own = _with_neck(reference.first_shown().body)
        body = _with_neck(poses.body)
        near = (np.abs(own[0, :, :2] - 0.5) <= NEAR).all(axis=1)
        there = seen(own[0]) & near
        moving = there & seen(body).any(axis=0)
        size = np.array([width, height], float)
        return cls(own[0, :, :2] * size, _over_time(body, moving) * size, there, moving, height)

    def shifted(self, pixels: int) -> "Joints":
        """Return the joints for an image with a margin of this many pixels."""
        return replace(self, reference=self.reference + pixels)

    @property
    def stature(self) -> float:
        """Size of the figure in pixels, from its visible joints in the reference."""
        extent = float(np.linalg.norm(np.ptp(self.reference[self.there], axis=0)))
        few = np.count_nonzero(self.there) < FEW
        return max(extent, TYPICAL_HEIGHT * self.height if few else 0.0, MIN_EXTENT)


def _with_neck(body: np.ndarray) -> np.ndarray:
    """Put a missing neck of (f, 20, 3) between the shoulders."""
    shoulders = body[:, [JOINT["right_shoulder"], JOINT["left_shoulder"]]]
    addable = ~seen(body[:, JOINT["neck"]]) & seen(shoulders).all(axis=1)
    body = body.copy()
    body[addable, JOINT["neck"]] = shoulders[addable].mean(axis=1)
    return body


def _over_time(body: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Interpolate (f, 20, 3) linearly over gaps to (f, 20, 2); values are constant before and after."""
    places = np.clip(body[..., :2].astype(float), -FAR, FAR)
    there, frames = seen(body), np.arange(len(body))
    for joint in np.flatnonzero(moving & ~there.all(axis=0)):
        known = there[:, joint]
        for axis in range(2):
            places[:, joint, axis] = np.interp(frames, frames[known], places[known, joint, axis])
    return places


# Lengths and radii of limbs are in body heights.
ALONG = np.linspace(0.15, 0.9, 12)  # measured positions along a bone
STEP = 0.5  # pixels
CHANGE = 0.16  # colour change that ends a limb
LINE = 0.02  # maximum width of an outline
THINNEST, THICKEST = 0.012, 0.1  # radius of a limb
TYPICAL_RADIUS = 0.035
ENOUGH = 6  # measurements
NEARBY = 3  # places in which a pattern has all its colours
PLAIN = 0.6  # share of a plain limb's places that have its colour
REPEATED = 3  # places along a bone, more than one outline crosses
SLIM = 0.7  # minimum radius of one half of a limb relative to the other
STURDY = 0.9  # minimum radius of a leg relative to an arm
HAND_REACH = 0.2
TYPICAL_HAND, MAX_HAND = 1.5, 3.5  # radius of a hand relative to the forearm's
WRIST = 0.6  # distance from wrist to centre of the hand, in radii of the hand
FAN = np.array([-0.35, 0.0, 0.35])  # tangents of the angles between forearm and measured rays


def limb_radii(
    image: np.ndarray, mask: np.ndarray, bones: Mapping[str, Bone], stature: float
) -> dict[str, float]:
    """Measure half the thickness of each limb, which is the same on both sides.

    Args:
        image: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        bones: Bones in the image, by part: "right_forearm".
        stature: Size of the figure in pixels.

    Returns:
        Radii in pixels, by part.

    """
    kinds = sorted({part.split("_", 1)[1] for part in bones})
    radii = {}
    for kind in kinds:
        sides = [bone for part, bone in bones.items() if part.endswith("_" + kind)]
        ends = np.concatenate([_ends(image, mask, bone, stature) for bone in sides])
        radii[kind] = float(np.median(ends)) if len(ends) >= ENOUGH else TYPICAL_RADIUS * stature
    for upper, lower in (("upper_arm", "forearm"), ("thigh", "shin")):
        if upper in radii and lower in radii:  # a half that crosses something appears too thin
            radii[lower] = max(radii[lower], SLIM * radii[upper])
            radii[upper] = max(radii[upper], SLIM * radii[lower])
    for arm, leg in (("upper_arm", "thigh"), ("forearm", "shin")):
        if arm in radii and leg in radii:  # crossed legs hide each other's edges
            radii[leg] = max(radii[leg], STURDY * radii[arm])
    return {part: float(np.clip(radii[part.split("_", 1)[1]], THINNEST * stature, None)) for part in bones}


def _ends(image: np.ndarray, mask: np.ndarray, bone: Bone, stature: float) -> np.ndarray:
    """Return the visible distances from the bone to the limb's edge that are not too large: (n,)."""
    reach = np.arange(0, THICKEST * stature + STEP, STEP)
    middles = bone.start + ALONG[:, None] * (bone.end - bone.start)
    across = normal(bone.axis()) * np.array([[-1], [1]])
    rays = middles[:, None, None] + reach[:, None] * across[:, None]  # (places, sides, reach, 2)
    inside, colors = sample_pixels(mask, rays), sample_pixels(image, rays)
    changed = np.abs(colors - colors[:, :, :1]).max(axis=-1) > CHANGE
    for place in np.flatnonzero(is_usual(colors[:, 0, 0])):  # sleeve and skin are no pattern: not far away
        near = slice(max(place - NEARBY, 0), place + NEARBY + 1)
        changed[near] &= np.abs(colors[near] - colors[place, 0, 0]).max(axis=-1) > CHANGE
    last, edge = _first(~inside), _first(changed)
    # A thin line between the colour change and the end of the mask is the limb's outline.
    line = max(1.5, LINE * stature)
    ends = np.where(last - edge <= line, last, edge + line / 2)
    seen = inside[:, :, 0] & (np.minimum(last, edge) < reach[-1])
    low = np.where(seen, ends, np.inf)
    both = np.isfinite(low).all(axis=1)
    mean = np.where(both & (low.max(axis=1) < 2 * low.min(axis=1) + 1), low.mean(axis=1), low.min(axis=1))
    return mean[np.isfinite(mean)]


def is_usual(colors: np.ndarray) -> np.ndarray:
    """Return which colours (n, 3) along a bone are of a pattern, such as strokes of a crayon."""
    alike = np.abs(colors[:, None] - colors).max(axis=-1) <= CHANGE
    plain = alike.mean(axis=1).max() >= PLAIN
    return (alike.sum(axis=1) >= REPEATED) & ~plain


def hand_radius(
    image: np.ndarray,
    mask: np.ndarray,
    visible: np.ndarray,
    forearms: Iterable[Bone],
    radius: float,
    stature: float,
) -> float:
    """Return the radius of the discs that cover the hands.

    Args:
        image: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        visible: (h, w) bool, the image without the margin around it, where nothing can be measured.
        forearms: Bones in the image.
        radius: Of the forearms, in pixels.
        stature: Size of the figure in pixels.

    Returns:
        The radius in pixels.

    """
    reach = np.arange(0, HAND_REACH * stature + STEP, STEP)
    found = []
    for bone in forearms:
        turns = bone.axis() + FAN[:, None] * normal(bone.axis())
        rays = bone.end + 0.3 * radius * bone.axis() + reach[:, None] * turns[:, None]
        inside, colors = sample_pixels(mask, rays), sample_pixels(image, rays)
        changed = np.abs(colors - colors[:, :1]).max(axis=-1) > CHANGE
        last, edge = _first(~inside), _first(changed)
        ends = np.where(last - edge <= max(1.5, LINE * stature), last, edge + 1)
        known = np.minimum(_first(~sample_pixels(visible, rays)), reach[-1])
        found += ends[inside[:, 0] & (ends < known)].tolist()
    if not found:
        return TYPICAL_HAND * radius
    return float(np.clip((np.median(found) + 0.3 * radius) / (1 + WRIST), radius, MAX_HAND * radius))


def _first(ended: np.ndarray) -> np.ndarray:
    """Return the distance along each ray (..., reach) to its first end, beyond the reach if there is none."""
    return np.where(ended.any(axis=-1), ended.argmax(axis=-1), ended.shape[-1]) * STEP


def sample_pixels(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the pixel values at positions (..., 2) of x and y, clamped to the image."""
    height, width = values.shape[:2]
    columns = np.clip(np.floor(places[..., 0]), 0, width - 1).astype(int)
    rows = np.clip(np.floor(places[..., 1]), 0, height - 1).astype(int)
    return values[rows, columns]
