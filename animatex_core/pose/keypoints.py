"""Keypoints: the skeleton, the type of a video's poses, and the order of COCO-WholeBody's 133 points."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InvalidInput
from ..utils.validation import require_int

# OpenPose's 18 body points and one toe a foot; left and right are the person's own.
BODY_JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_toe", "right_toe",
)  # fmt: skip
JOINT = {name: index for index, name in enumerate(BODY_JOINTS)}
MODEL_JOINTS = 18  # the implicit pose indicator is not told the toes
BODY_POINTS, HAND_POINTS, FACE_POINTS = len(BODY_JOINTS), 21, 68
LEFT_HAND, RIGHT_HAND = 0, 1
# Where each part lies among all points of one person: body, left hand, right hand, face.
BODY = slice(0, BODY_POINTS)
HANDS = (slice(20, 41), slice(41, 62))
FACE = slice(62, 130)
POINTS = 130
VISIBLE = 0.3  # scores above it count as seen, as released


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """Poses of one person over f frames.

    body (f, 20, 3), hands (f, 2, 21, 3) left then right, face (f, 68, 3), float32: x and y in parts of the
    picture's width and height (0..1 inside it) and a score of 0 or more. A point that was not found has
    score 0. width, height: pixels of the picture they were found in; fps: frames a second, None if unknown.
    Raises InvalidInput for other shapes and for numbers that are not finite.
    """

    body: np.ndarray
    hands: np.ndarray
    face: np.ndarray
    width: int
    height: int
    fps: float | None = None

    def __post_init__(self) -> None:
        require_int("width", self.width)
        require_int("height", self.height)
        forms = {"body": (BODY_POINTS,), "hands": (2, HAND_POINTS), "face": (FACE_POINTS,)}
        for name, form in forms.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), (len(self.body), *form, 3)))

    def __len__(self) -> int:
        return len(self.body)

    @classmethod
    def from_points(
        cls, points: np.ndarray, width: int, height: int, fps: float | None = None
    ) -> "PoseSequence":
        """Split (f, 130, 3), the form of `points`, into body, hands and face."""
        hands = np.stack([points[:, hand] for hand in HANDS], axis=1)
        return cls(points[:, BODY], hands, points[:, FACE], width, height, fps)

    @classmethod
    def empty(cls, frames: int, width: int, height: int, fps: float | None = None) -> "PoseSequence":
        """Return frames with nobody in them."""
        return cls.from_points(np.zeros((frames, POINTS, 3), np.float32), width, height, fps)

    @cached_property
    def points(self) -> np.ndarray:
        """(f, 130, 3): body, left hand, right hand, face."""
        return np.concatenate([self.body, self.hands[:, 0], self.hands[:, 1], self.face], axis=1)

    def with_points(self, points: np.ndarray) -> "PoseSequence":
        """Return the same clip with other points (f, 130, 3); f may differ."""
        return self.from_points(points, self.width, self.height, self.fps)

    def select(self, frames: Sequence[int]) -> "PoseSequence":
        """Return the frames of these indices, in their order."""
        return self.with_points(self.points[np.asarray(frames, dtype=int)])

    def first_shown(self) -> "PoseSequence":
        """Return one frame: the first that shows somebody, or frame 0 where none does."""
        shown = seen(self.points).any(axis=1)
        return self.select([int(shown.argmax())])

    def with_fps(self, fps: float | None) -> "PoseSequence":
        """Return the same poses at another rate."""
        return replace(self, fps=fps)

    def keypoints(self) -> np.ndarray:
        """(f, 2, 18) float32 for the implicit pose indicator: a row of x and one of y, -1 where unseen."""
        body = self.body[:, :MODEL_JOINTS]
        seen = body[..., 2:] >= VISIBLE  # a score of exactly 0.3 keeps its place here, as released
        return np.where(seen, body[..., :2], np.float32(-1)).swapaxes(1, 2)


def seen(points: np.ndarray) -> np.ndarray:
    """Whether points (..., 3) count as found: (...) bool."""
    return points[..., 2] > VISIBLE


def _checked(name: str, values: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float32)
    if array.shape != form:
        raise InvalidInput(
            f"{name} has shape {array.shape}, but it must be {form}: x, y and score of each point."
        )
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} holds NaN or infinity: give points that were not found the score 0.")
    return array


SHOULDERS = (5, 6)
# OpenPose's body points after nose and neck, among COCO's 17.
LIMBS = (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
# Where the parts lie among OpenPose's 134 points.
BODY_134 = slice(0, 18)
TOES_134 = ((18, 19), (21, 22))  # of the left foot and of the right foot: the big toe and the small one
FACE_134 = slice(24, 92)
HANDS_134 = (slice(92, 113), slice(113, 134))


def openpose_from_133(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (n, 134, 3), x, y and score in OpenPose's order, from points (n, 133, 2) and scores (n, 133).

    The neck between the shoulders has the score 1 where both are seen, else 0.
    """
    found = np.concatenate([keypoints, scores[..., None]], axis=2)
    shoulders = found[:, SHOULDERS]
    neck = shoulders.mean(axis=1, keepdims=True)
    neck[..., 2] = (shoulders[..., 2] > VISIBLE).all(axis=1, keepdims=True)
    return np.concatenate([found[:, :1], neck, found[:, LIMBS], found[:, 17:]], axis=1)


def poses_from_133(keypoints: np.ndarray, scores: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the points (n, 130, 3) float32 of a PoseSequence from points (n, 133, 2) in pixels.

    scores (n, 133). A toe is the mean of the big and the small one, and as well seen as the worse of them.
    A point whose score is not above 0 becomes 0, 0, 0.
    """
    points = openpose_from_133(keypoints, scores)
    points[..., :2] /= (width, height)
    poses = np.empty((len(points), POINTS, 3), np.float32)
    poses[:, :18] = points[:, BODY_134]
    for place, toes in enumerate(TOES_134, start=18):
        poses[:, place, :2] = points[:, toes, :2].mean(axis=1)
        poses[:, place, 2] = points[:, toes, 2].min(axis=1)
    for hand, hand_134 in zip(HANDS, HANDS_134, strict=True):
        poses[:, hand] = points[:, hand_134]
    poses[:, FACE] = points[:, FACE_134]
    return np.where(poses[..., 2:] > 0, poses, np.float32(0))
