"""The camera: from points in the world of a file to pixels of a frame, whatever units and axes the file has.

The camera is far away (orthographic), so that no size depends on the distance to it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import JOINT
from ..utils.validation import require_int
from .body import HEAD, BodyMotion, axes

View = Literal["front", "three-quarter"]
Up = Literal["auto", "y", "z", "-y", "-z"]
VIEWS: tuple[View, ...] = get_args(View)
UPS: tuple[Up, ...] = get_args(Up)
THREE_QUARTER = 45.0  # degrees
_UP = {"y": (0, 1, 0), "z": (0, 0, 1), "-y": (0, -1, 0), "-z": (0, 0, -1)}
MAX_SIZE = 16384  # pixels
MAX_ANGLE = 3600.0
FLOOR, TALLEST, WIDEST = 0.93, 0.84, 0.9  # the lowest point, and the largest figure, as parts of the frame
HAND = 0.08  # what a mannequin's hand adds to an arm, in statures
TURNING = 0.2  # mean length of the facing direction below which the dancer turns around


@dataclass(frozen=True)
class CameraSettings:
    """Where the camera is, and the frame that it fills.

    Attributes:
        view: front looks at where the dancer faces on average; three-quarter from 45 degrees to their left.
        angle: Orbits the camera around the dancer by this many degrees: 90 shows the left side, 180 the back.
        follow: Whether the middle of the hips stays in the middle of the frame; else the camera is fixed, and
            so far away that the whole path is seen.
        up: The axis of the file that points up; auto: along which the dancer stands.
        width: Of the frame in pixels.
        height: Of the frame in pixels.

    Raises:
        InvalidInput: A value is not possible.

    """

    view: View = "front"
    angle: float = 0.0
    follow: bool = True
    up: Up = "auto"
    width: int = 512
    height: int = 768

    def __post_init__(self) -> None:
        for name, value, choices in (("camera", self.view, VIEWS), ("up", self.up, UPS)):
            if value not in choices:
                raise InvalidInput(f"{name} is {value!r}, but it must be one of: {', '.join(choices)}.")
        if not math.isfinite(self.angle) or abs(self.angle) > MAX_ANGLE:
            raise InvalidInput(f"angle is {self.angle:g}, but it must be degrees, from -3600 to 3600.")
        require_int("width", self.width, 16, MAX_SIZE)
        require_int("height", self.height, 16, MAX_SIZE)


@dataclass(frozen=True, eq=False)
class SeenBody:
    """f frames of a body as the camera sees it, in pixels: x right, y down, z towards the camera.

    Attributes:
        points: (f, 62, 3).
        visible: (f, 62) bool: the skeleton has the point and, in the face, it does not face away.
        head: (f, 3, 3), unit vectors as rows: the left, the top and the front of the head.
        skull: (f, 3), the centre of the head.
        stature: Height of the person when standing.
        width: Of the frame.
        height: Of the frame.

    """

    points: np.ndarray
    visible: np.ndarray
    head: np.ndarray
    skull: np.ndarray
    stature: float
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.points)


# A point of the face is visible if its normal, of the left and the front of the head, is turned to the camera
# by more than the limit. Ears count as visible from behind, since pose detectors find them there.
_EYE = (math.sin(math.radians(20)), math.cos(math.radians(20)))
_FACING = {
    "nose": (0.0, 1.0, -0.1),
    "left_eye": (*_EYE, 0.0), "right_eye": (-_EYE[0], _EYE[1], 0.0),
    "left_ear": (1.0, 0.0, -0.35), "right_ear": (-1.0, 0.0, -0.35),
}  # fmt: skip


def see(body: BodyMotion, settings: CameraSettings, *, is_planar: bool = False) -> SeenBody:
    """Project a body into the frame.

    Nothing of the body leaves the frame. It fills at most 84 % of the height and 90 % of the width, and is
    never larger than if it stood.

    Args:
        body: The body.
        settings: The camera.
        is_planar: Whether the file has poses of images, so that the front is that of the image.

    """
    basis = _turned(np.eye(3), settings) if is_planar else _basis(body, settings)
    points, skull = body.points @ basis.T, body.skull @ basis.T
    if settings.follow:
        moved = body.root @ basis.T * [1, 0, 1]
        points, skull = points - moved[:, None], skull - moved
    seen = SeenBody(
        points, np.repeat(body.found[None], len(body), axis=0), body.head @ basis.T, skull, body.stature,
        settings.width, settings.height,
    )  # fmt: skip
    framed = _framed(seen, body.found, centered=settings.follow)
    return replace(framed, visible=framed.visible & ~_faces_away(framed, body.placed))


def _basis(body: BodyMotion, settings: CameraSettings) -> np.ndarray:
    """Return the camera's right, up and the direction towards it, as rows (3, 3)."""
    up = np.array(_UP[settings.up], float) if settings.up != "auto" else _guess_up(body)
    across = body.points[:, JOINT["left_shoulder"]] - body.points[:, JOINT["right_shoulder"]]
    across = across + body.points[:, JOINT["left_hip"]] - body.points[:, JOINT["right_hip"]]
    flat = across - (across @ up)[:, None] * up
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = flat / np.maximum(lengths, 1e-9)
    mean = flat.mean(axis=0)
    if np.linalg.norm(mean) < TURNING:
        mean = flat[0]
    if np.linalg.norm(mean) < TURNING:  # the dancer lies on the side
        mean = np.roll(up, 1)
    return _turned(axes(mean, up), settings)


def _guess_up(body: BodyMotion) -> np.ndarray:
    """Return the axis, Y or Z of the file, along which the dancer stands on average."""
    hips = body.root.mean(axis=0)
    feet = [
        body.points[:, JOINT[f"{side}_ankle"]]
        for side in ("left", "right")
        if body.found[JOINT[f"{side}_ankle"]]
    ]
    base = np.mean(feet, axis=(0, 1)) if feet else hips
    _, y, z = body.skull.mean(axis=0) - base
    if abs(z) > abs(y):
        return np.array([0, 0, np.sign(z)])
    return np.array([0, np.sign(y) or 1.0, 0])


def _turned(basis: np.ndarray, settings: CameraSettings) -> np.ndarray:
    """Orbit the camera: its new direction lies between the old one and the old right."""
    angle = math.radians(settings.angle + (THREE_QUARTER if settings.view == "three-quarter" else 0))
    right, up, towards = basis
    return np.stack(
        [
            math.cos(angle) * right - math.sin(angle) * towards,
            up,
            math.cos(angle) * towards + math.sin(angle) * right,
        ]
    )


def _framed(seen: SeenBody, found: np.ndarray, *, centered: bool) -> SeenBody:
    """Scale and place the points, whose y points up, in the frame."""
    radius = HEAD * seen.stature / 2
    shown = np.concatenate(
        [seen.points[:, found], seen.skull[:, None] + radius, seen.skull[:, None] - radius], axis=1
    )
    low, high = shown.min(axis=(0, 1)), shown.max(axis=(0, 1))
    middle = 0.0 if centered else (low[0] + high[0]) / 2
    half = max(high[0] - middle, middle - low[0]) + HAND * seen.stature
    scale = min(
        TALLEST * seen.height / max(high[1] - low[1], seen.stature), WIDEST * seen.width / max(2 * half, 1e-9)
    )
    origin = np.array([seen.width / 2 - scale * middle, FLOOR * seen.height + scale * low[1], 0])
    flip = np.array([1, -1, 1])
    return replace(
        seen,
        points=scale * flip * seen.points + origin,
        skull=scale * flip * seen.skull + origin,
        head=seen.head * flip,
        stature=scale * seen.stature,
    )


def _faces_away(seen: SeenBody, placed: np.ndarray) -> np.ndarray:
    """Return which points of the face are hidden by the head, (f, 62)."""
    hidden = np.zeros(seen.visible.shape, bool)
    for name, (left, front, limit) in _FACING.items():
        if placed[JOINT[name]]:
            hidden[:, JOINT[name]] = left * seen.head[:, 0, 2] + front * seen.head[:, 2, 2] <= limit
    return hidden
