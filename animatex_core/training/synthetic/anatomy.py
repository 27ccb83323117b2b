"""Bodies of people and cartoon characters, and poses on them: joints, and the 68 points of a face."""

from dataclasses import dataclass

import numpy as np

from ...pose.keypoints import HAND_POINTS, JOINT, PoseSequence
from ...retarget.bones import BODY_BONES, KIND, KINDS, PROPORTION
from ...retarget.parts import drop_parts
from ...retarget.transform import FEET
from .motion import BONE_KINDS, BONE_OF, Motion

_ANGLES = np.linspace(np.pi * 0.97, np.pi * 0.03, 17)


def _template() -> np.ndarray:
    """(68, 2) in radii of the head about the nose, x to the person's left and y down."""
    jaw = np.stack([0.92 * np.cos(_ANGLES), 0.95 * np.sin(_ANGLES) - 0.1], axis=1)
    brows = [(x, -0.5 - 0.06 * (2 - abs(k - 2))) for x0 in (-0.62, 0.14) for k, x in _steps(x0, 0.12, 5)]
    nose = [(0.0, y) for _, y in _steps(-0.3, 0.1, 4)] + [(x, 0.08) for _, x in _steps(-0.12, 0.06, 5)]
    eyes = [
        (x + 0.15 * np.cos(a), -0.3 + 0.08 * np.sin(a))
        for x in (-0.38, 0.38)
        for a in np.pi + np.arange(6) * np.pi / 3
    ]
    outer = [(0.3 * np.cos(a), 0.45 + 0.12 * np.sin(a)) for a in np.pi + np.arange(12) * np.pi / 6]
    inner = [(0.2 * np.cos(a), 0.45 + 0.05 * np.sin(a)) for a in np.pi + np.arange(8) * np.pi / 4]
    return np.concatenate([jaw, brows, nose, eyes, outer, inner])


def _steps(start: float, step: float, count: int) -> list[tuple[int, float]]:
    return [(index, start + step * index) for index in range(count)]


_FACE = _template()


def face_points(body: np.ndarray, radius: float) -> np.ndarray:
    """Lay the face on bodies (f, 20, 2) in pixels: (f, 68, 2). The eyes tell how the head is turned."""
    nose = body[:, JOINT["nose"]]
    right, left = body[:, JOINT["right_eye"]], body[:, JOINT["left_eye"]]
    across = left - right
    up = np.stack([across[:, 1], -across[:, 0]], axis=1)
    upright = body[:, JOINT["nose"]] - body[:, JOINT["neck"]]
    up = np.where(np.linalg.norm(across, axis=1, keepdims=True) > 0.05 * radius, up, upright)
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    side = np.stack([-up[:, 1], up[:, 0]], axis=1)
    x, y = _FACE[:, 0], _FACE[:, 1]
    return nose[:, None] + radius * (x[None, :, None] * side[:, None] - y[None, :, None] * up[:, None])


FPS = 24
_FAN = np.linspace(-0.6, 0.6, 5)  # radians between the forearm and each finger
_ALONG = np.array([0.45, 0.65, 0.83, 1.0])  # where the joints of a finger are


@dataclass(frozen=True, eq=False)
class Anatomy:
    """lengths: (len(KINDS),) of the bones, in statures of a person. head: radius, likewise. hand: length.

    missing: PARTS of the retargeting that this body has not.
    """

    lengths: np.ndarray
    head: float
    hand: float
    missing: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """From the ground to the top of the head when it stands upright, in statures."""
        bones = {kind: self.lengths[KIND[kind]] for kind in KINDS}
        legs = bones["thigh"] + bones["shin"] + 0.5 * bones["foot"]
        return float(legs + 0.95 * (bones["torso"] + bones["neck"]) + self.head)


def person(rng: np.random.Generator) -> Anatomy:
    """A human body, within what people differ."""
    lengths = PROPORTION * rng.uniform(0.88, 1.12, len(KINDS))
    head = rng.uniform(0.06, 0.085)
    lengths[KIND["face"]] = 0.45 * head
    return Anatomy(lengths, head, hand=rng.uniform(0.075, 0.1))


@dataclass(frozen=True)
class Place:
    """Where somebody stands, in pixels: size of the picture, a stature, the feet's line and the middle."""

    width: int
    height: int
    stature: float
    ground: float
    middle: float


def place_in(
    rng: np.random.Generator, anatomy: Anatomy, width: int, height: int, share: tuple[float, float]
) -> Place:
    """Stand somebody on the ground; `share`: least and largest part of the picture's height he fills."""
    stature = rng.uniform(*share) * height / anatomy.height
    return Place(width, height, stature, rng.uniform(0.88, 0.97) * height, width * rng.uniform(0.44, 0.56))


def pose(anatomy: Anatomy, motion: Motion, where: Place) -> PoseSequence:
    """Return the poses of a body that moves so, with hands and a face, all scores 1 but for what it lacks."""
    body = _body(anatomy, motion) * where.stature
    lowest = body[:, FEET, 1].max(axis=1)
    sway = motion.sway * anatomy.height
    body[..., 0] += where.middle + sway[:, None] * where.stature
    body[..., 1] += (where.ground - lowest - motion.lift * anatomy.height * where.stature)[:, None]
    hands = [_hand(body, side, anatomy.hand * where.stature) for side in ("left", "right")]
    face = face_points(body, anatomy.head * where.stature)
    places = np.concatenate([body, *hands, face], axis=1) / [where.width, where.height]
    points = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=2)
    return PoseSequence.from_points(drop_parts(points, anatomy.missing), where.width, where.height, FPS)


def _body(anatomy: Anatomy, motion: Motion) -> np.ndarray:
    vectors = motion.bones * anatomy.lengths[BONE_KINDS][None, :, None]
    body = np.zeros((len(motion), len(JOINT), 2))
    for parent, child in BODY_BONES:
        body[:, child] = body[:, parent] + vectors[:, BONE_OF[child]]
    return body


def _hand(body: np.ndarray, side: str, length: float) -> np.ndarray:
    """(f, 20, 2) -> (f, 21, 2): a hand spread on the end of the forearm."""
    elbow, wrist = body[:, JOINT[f"{side}_elbow"]], body[:, JOINT[f"{side}_wrist"]]
    along = unit(wrist - elbow)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    points = np.repeat(wrist[:, None], HAND_POINTS, axis=1)
    for finger, angle in enumerate(_FAN):
        direction = np.cos(angle) * along + np.sin(angle) * across
        joints = slice(1 + 4 * finger, 5 + 4 * finger)
        points[:, joints] += length * _ALONG[None, :, None] * direction[:, None]
    return points


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return (..., 2) vectors at length 1; those of almost no length stay short."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
