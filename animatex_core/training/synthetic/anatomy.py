"""Body proportions of people and cartoon characters, and their poses with hands and face.

Lengths are in statures: the height of an average standing person is the unit.
"""

from dataclasses import dataclass

import numpy as np

from ...pose.keypoints import HAND_POINTS, JOINT, PoseSequence
from ...retarget.bones import BODY_BONES, KIND, KINDS, PROPORTION
from ...retarget.parts import drop_parts
from ...retarget.transform import FEET
from .motion import BONE_INDEX, BONE_KINDS, Motion

FPS = 24
_FINGER_ANGLES = np.linspace(-0.6, 0.6, 5)  # radians between the forearm and each finger
_FINGER_JOINTS = np.array([0.45, 0.65, 0.83, 1.0])  # distance from the wrist, in hand lengths
_JAW_ANGLES = np.linspace(np.pi * 0.97, np.pi * 0.03, 17)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Proportions of a body.

    Attributes:
        lengths: (len(KINDS),), bone lengths in statures.
        head: Radius of the head in statures.
        hand: Length of a hand in statures.
        missing: Body parts that it lacks, from the PARTS of the retargeting.

    """

    lengths: np.ndarray
    head: float
    hand: float
    missing: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """Height from the ground to the top of the head when standing upright, in statures."""
        bones = {kind: self.lengths[KIND[kind]] for kind in KINDS}
        legs = bones["thigh"] + bones["shin"] + 0.5 * bones["foot"]
        return float(legs + 0.95 * (bones["torso"] + bones["neck"]) + self.head)


def draw_person_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw human proportions within their natural variation."""
    lengths = PROPORTION * rng.uniform(0.88, 1.12, len(KINDS))
    head = rng.uniform(0.06, 0.085)
    lengths[KIND["face"]] = 0.45 * head
    return Anatomy(lengths, head, hand=rng.uniform(0.075, 0.1))


@dataclass(frozen=True)
class Placement:
    """Where a figure stands in an image, in pixels.

    Attributes:
        width: Width of the image.
        height: Height of the image.
        stature: Length of one stature.
        ground: y coordinate of the ground.
        middle: x coordinate around which the figure moves.

    """

    width: int
    height: int
    stature: float
    ground: float
    middle: float


def draw_placement(
    rng: np.random.Generator, anatomy: Anatomy, width: int, height: int, share: tuple[float, float]
) -> Placement:
    """Draw where a figure stands; `share` is the range of the image height that it fills."""
    stature = rng.uniform(*share) * height / anatomy.height
    return Placement(
        width, height, stature, rng.uniform(0.88, 0.97) * height, width * rng.uniform(0.44, 0.56)
    )


def apply_motion(anatomy: Anatomy, motion: Motion, where: Placement) -> PoseSequence:
    """Apply a motion to a body.

    Args:
        anatomy: Proportions of the body.
        motion: Bone directions, lift and sway for f frames.
        where: Placement in the image.

    Returns:
        Poses of f frames with hands and face. Scores are 1, or 0 for body parts that it lacks.

    """
    body = _body(anatomy, motion) * where.stature
    lowest = body[:, FEET, 1].max(axis=1)
    sway = motion.sway * anatomy.height
    body[..., 0] += where.middle + sway[:, None] * where.stature
    body[..., 1] += (where.ground - lowest - motion.lift * anatomy.height * where.stature)[:, None]
    hands = [_hand(body, side, anatomy.hand * where.stature) for side in ("left", "right")]
    face = face_points(body, anatomy.head * where.stature)
    coordinates = np.concatenate([body, *hands, face], axis=1) / [where.width, where.height]
    points = np.concatenate([coordinates, np.ones((*coordinates.shape[:2], 1))], axis=2)
    return PoseSequence.from_points(drop_parts(points, anatomy.missing), where.width, where.height, FPS)


def _body(anatomy: Anatomy, motion: Motion) -> np.ndarray:
    vectors = motion.bones * anatomy.lengths[BONE_KINDS][None, :, None]
    body = np.zeros((len(motion), len(JOINT), 2))
    for parent, child in BODY_BONES:
        body[:, child] = body[:, parent] + vectors[:, BONE_INDEX[child]]
    return body


def _hand(body: np.ndarray, side: str, length: float) -> np.ndarray:
    """(f, 20, 2) -> (f, 21, 2): a spread hand at the end of the forearm."""
    elbow, wrist = body[:, JOINT[f"{side}_elbow"]], body[:, JOINT[f"{side}_wrist"]]
    along = unit(wrist - elbow)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    points = np.repeat(wrist[:, None], HAND_POINTS, axis=1)
    for finger, angle in enumerate(_FINGER_ANGLES):
        direction = np.cos(angle) * along + np.sin(angle) * across
        joints = slice(1 + 4 * finger, 5 + 4 * finger)
        points[:, joints] += length * _FINGER_JOINTS[None, :, None] * direction[:, None]
    return points


def face_points(body: np.ndarray, radius: float) -> np.ndarray:
    """Place the face template on bodies (f, 20, 2) in pixels and return (f, 68, 2).

    The eyes determine how the head is rotated. Where they nearly coincide, the neck does.
    """
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


def unit(vectors: np.ndarray) -> np.ndarray:
    """Normalise vectors (..., 2) to length 1; vectors of almost zero length stay short."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _face_template() -> np.ndarray:
    """(68, 2) in head radii relative to the nose, x towards the person's left and y down."""
    jaw = np.stack([0.92 * np.cos(_JAW_ANGLES), 0.95 * np.sin(_JAW_ANGLES) - 0.1], axis=1)
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


_FACE = _face_template()
