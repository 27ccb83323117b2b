"""Bodies and motion for the tests: a real dance, and a figure whose bones have known lengths."""

from pathlib import Path

import numpy as np

from animatex_core.pose.keypoints import JOINT, POINTS, PoseSequence, seen
from animatex_core.retarget.bones import TREE

WIDTH, HEIGHT = 400, 600

# A person who stands and faces the viewer, in pixels of an image of 400 x 600, from the top of the head
# (76) to the soles (524): 448 pixels tall by the proportions that the library expects.
STANDING = {
    "nose": (200, 114),
    "neck": (200, 163),
    "right_shoulder": (162, 163),
    "right_elbow": (155, 230),
    "right_wrist": (155, 293),
    "left_shoulder": (238, 163),
    "left_elbow": (245, 230),
    "left_wrist": (245, 293),
    "right_hip": (178, 284),
    "right_knee": (178, 394),
    "right_ankle": (178, 495),
    "left_hip": (222, 284),
    "left_knee": (222, 394),
    "left_ankle": (222, 495),
    "right_eye": (192, 105),
    "left_eye": (208, 105),
    "right_ear": (182, 110),
    "left_ear": (218, 110),
    "right_toe": (168, 524),
    "left_toe": (232, 524),
}
# A cartoon: a huge head, wide shoulders, hardly any legs.
CARTOON = {
    "nose": (200, 200),
    "neck": (200, 300),
    "right_shoulder": (80, 310),
    "right_elbow": (50, 380),
    "right_wrist": (30, 440),
    "left_shoulder": (320, 310),
    "left_elbow": (350, 380),
    "left_wrist": (370, 440),
    "right_hip": (160, 440),
    "right_knee": (160, 490),
    "right_ankle": (160, 540),
    "left_hip": (240, 440),
    "left_knee": (240, 490),
    "left_ankle": (240, 540),
    "right_eye": (140, 170),
    "left_eye": (260, 170),
    "right_ear": (60, 190),
    "left_ear": (340, 190),
}


def figure(joints: dict[str, tuple[int, int]], frames: int = 1) -> PoseSequence:
    """Return a figure that does not move."""
    poses = PoseSequence.empty(frames, WIDTH, HEIGHT)
    for name, (x, y) in joints.items():
        poses.body[:, JOINT[name]] = x / WIDTH, y / HEIGHT, 1
    return poses


def dance() -> PoseSequence:
    """Return every ninth frame of a real dance, 24 in all: body and hands, no face; hands come and go."""
    with np.load(Path(__file__).with_name("dance_2.npz")) as stored:
        points, (width, height) = stored["points"], stored["size"]
    points = np.pad(points, ((0, 0), (0, POINTS - points.shape[1]), (0, 0)))
    return PoseSequence.from_points(points, int(width), int(height), 24.0)


def rigid_dance(seed: int, frames: int = 6) -> PoseSequence:
    """Return a video of the standing figure, with every bone rotated randomly and no length changed."""
    rng = np.random.default_rng(seed)
    still = pixels(figure(STANDING, frames))
    turned = still.copy()
    turned[:, JOINT["neck"], :2] += rng.uniform(-50, 50, (frames, 2))
    for twigs in TREE:
        for point in twigs.points:
            bone = still[:, point, :2] - still[:, twigs.parent, :2]
            angle = rng.uniform(-0.6, 0.6, frames)
            x, y = bone.T
            turn = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], 1)
            turned[:, point, :2] = turned[:, twigs.parent, :2] + turn
    return PoseSequence.from_points(turned / [WIDTH, HEIGHT, 1], WIDTH, HEIGHT)


def pixels(poses: PoseSequence) -> np.ndarray:
    """Return the points (f, 130, 3) in pixels."""
    return poses.points * np.array([poses.width, poses.height, 1.0])


def without(poses: PoseSequence, gone: np.ndarray) -> PoseSequence:
    """Return the poses with points missing where `gone`, broadcast to (f, 130)."""
    missing = np.broadcast_to(gone, poses.points.shape[:2])
    return poses.with_points(np.where(missing[..., None], 0, poses.points).astype(np.float32))


def joint(poses: PoseSequence, name: str, frame: int = 0) -> tuple[float, float]:
    """Return a joint's position in pixels, rounded to a hundredth."""
    x, y = pixels(poses)[frame, JOINT[name], :2].round(2)
    return float(x), float(y)


def largest_change(first: PoseSequence, second: PoseSequence) -> float:
    """Return the largest distance, in pixels, of a point visible in both."""
    both = seen(first.points) & seen(second.points)
    return float(np.abs(pixels(first) - pixels(second))[both].max())
