"""Pose keypoints: the skeleton, the `PoseSequence` of a video, and conversion from COCO-WholeBody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InvalidInput
from ..utils.validation import require_int

# OpenPose's 18 body keypoints and one toe per foot; left and right are the person's own.
BODY_JOINTS = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
    "left_toe",
    "right_toe",
)
JOINT = {name: index for index, name in enumerate(BODY_JOINTS)}
MODEL_JOINTS = 18  # the implicit pose indicator is not conditioned on the toes
BODY_POINTS, HAND_POINTS, FACE_POINTS = len(BODY_JOINTS), 21, 68
LEFT_HAND, RIGHT_HAND = 0, 1
# Slices of the parts among all points of one person: body, left hand, right hand, face.
BODY = slice(0, BODY_POINTS)
HANDS = (slice(20, 41), slice(41, 62))
FACE = slice(62, 130)
POINTS = 130
VISIBLE = 0.3  # points with a higher score count as visible (DWPose's `draw_bodypose`)


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """Poses of one person over f frames.

    Coordinates x and y are fractions of the image's width and height, 0..1 inside it. Scores are 0 or more;
    points that were not found have a score of 0.

    Attributes:
        body: (f, 20, 3) float32 of x, y and score, in the order of `BODY_JOINTS`.
        hands: (f, 2, 21, 3) float32, left then right.
        face: (f, 68, 3) float32.
        width: Width in pixels of the image in which the poses were found.
        height: Its height.
        fps: Frame rate; None if unknown.

    Raises:
        InvalidInput: An array has another shape or holds numbers that are not finite.

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
        """Create a sequence from (f, 130, 3), the order of `points`."""
        hands = np.stack([points[:, hand] for hand in HANDS], axis=1)
        return cls(points[:, BODY], hands, points[:, FACE], width, height, fps)

    @classmethod
    def empty(cls, frames: int, width: int, height: int, fps: float | None = None) -> "PoseSequence":
        """Create a sequence without any visible point.

        Args:
            frames: Number of frames.
            width: Of the images, in pixels.
            height: Likewise.
            fps: Frames per second; None if unknown.

        """
        return cls.from_points(np.zeros((frames, POINTS, 3), np.float32), width, height, fps)

    @cached_property
    def points(self) -> np.ndarray:
        """All points, (f, 130, 3): body, left hand, right hand, face."""
        return np.concatenate([self.body, self.hands[:, 0], self.hands[:, 1], self.face], axis=1)

    def with_points(self, points: np.ndarray) -> "PoseSequence":
        """Return the sequence with other points (f, 130, 3); f may differ."""
        return self.from_points(points, self.width, self.height, self.fps)

    def select(self, frames: Sequence[int]) -> "PoseSequence":
        """Return the frames with these indices, in the given order."""
        return self.with_points(self.points[np.asarray(frames, dtype=int)])

    def first_shown(self) -> "PoseSequence":
        """Return the first frame with a visible point, or frame 0 if there is none."""
        shown = seen(self.points).any(axis=1)
        return self.select([int(shown.argmax())])

    def with_fps(self, fps: float | None) -> "PoseSequence":
        """Return the same poses at another frame rate."""
        return replace(self, fps=fps)

    def keypoints(self) -> np.ndarray:
        """Return body x and y for the implicit pose indicator: (f, 2, 18) float32, -1 where not visible."""
        body = self.body[:, :MODEL_JOINTS]
        visible = body[..., 2:] >= VISIBLE  # here a score of exactly 0.3 counts, as in the official code
        return np.where(visible, body[..., :2], np.float32(-1)).swapaxes(1, 2)


def seen(points: np.ndarray) -> np.ndarray:
    """Return which points (..., 3) are visible: (...) bool."""
    return points[..., 2] > VISIBLE


def people_of(poses: PoseSequence | Sequence[PoseSequence]) -> tuple[PoseSequence, ...]:
    """Return the poses of several people as a tuple; those of one person as a tuple of one."""
    return tuple(poses) if isinstance(poses, Sequence) else (poses,)


def choose_reference_pose(own: PoseSequence | None, driving: PoseSequence) -> PoseSequence:
    """Return the one frame that stands for the pose in the reference image.

    Without a pose of its own, the reference gets the first driving pose, as in the official code, except that
    frames in which nobody is visible are skipped: the first ones of a video often show nobody.

    Args:
        own: The pose found in the reference image; it counts if its first frame has a visible point.
        driving: The driving poses.

    """
    is_known = own is not None and bool(seen(own.points[:1]).any())
    return (own if own is not None and is_known else driving).first_shown()


def _checked(name: str, values: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float32)
    if array.shape != form:
        raise InvalidInput(
            f"{name} has shape {array.shape}, but it must be {form}: give x, y and score of each point."
        )
    if not np.isfinite(array).all():
        raise InvalidInput(
            f"{name} contains NaN or infinity, but numbers must be finite: give missing points a score of 0."
        )
    return array


SHOULDERS = (5, 6)
# Indices among COCO's 17 points of OpenPose's body points after nose and neck.
LIMBS = (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
# Slices of the parts among OpenPose's 134 points.
BODY_134 = slice(0, 18)
TOES_134 = ((18, 19), (21, 22))  # big and small toe of the left foot, then of the right foot
FACE_134 = slice(24, 92)
HANDS_134 = (slice(92, 113), slice(113, 134))


def openpose_from_133(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Reorder COCO-WholeBody keypoints as OpenPose's 134 points.

    Args:
        keypoints: (n, 133, 2) in pixels.
        scores: (n, 133).

    Returns:
        (n, 134, 3) of x, y and score. The neck lies between the shoulders and has a score of 1 if both are
        visible, else 0.

    """
    found = np.concatenate([keypoints, scores[..., None]], axis=2)
    shoulders = found[:, SHOULDERS]
    neck = shoulders.mean(axis=1, keepdims=True)
    neck[..., 2] = (shoulders[..., 2] > VISIBLE).all(axis=1, keepdims=True)
    return np.concatenate([found[:, :1], neck, found[:, LIMBS], found[:, 17:]], axis=1)


def poses_from_133(keypoints: np.ndarray, scores: np.ndarray, width: int, height: int) -> np.ndarray:
    """Convert COCO-WholeBody keypoints to the points of a `PoseSequence`.

    Args:
        keypoints: (n, 133, 2) in pixels.
        scores: (n, 133).
        width: Width of the frames in pixels.
        height: Height of the frames in pixels.

    Returns:
        (n, 130, 3) float32. A toe is the mean of the big and the small one, with the lower score of both.
        Points with a score of 0 or less become zeros.

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
