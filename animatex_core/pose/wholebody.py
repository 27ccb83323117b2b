"""From the 133 points of COCO-WholeBody to OpenPose's order, and to those of PoseSequence."""

import numpy as np

from .skeleton import FACE, HANDS, POINTS, VISIBLE

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
