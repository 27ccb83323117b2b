"""Draw poses: as the model's input, and as a preview over the character's image."""

import colorsys
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..encoders.preprocessing import resize
from ..utils.progress import Progress, no_progress, with_progress
from ..utils.validation import require_int
from .keypoints import BODY_POINTS, HAND_POINTS, HANDS, JOINT, VISIBLE, PoseSequence, seen
from .raster import Spans, discs, ellipse_corners, lines, paint, polygons

_CHAINS = (
    "neck right_shoulder",
    "neck left_shoulder",
    "right_shoulder right_elbow right_wrist",
    "left_shoulder left_elbow left_wrist",
    "neck right_hip right_knee right_ankle",
    "neck left_hip left_knee left_ankle",
    "neck nose right_eye right_ear",
    "nose left_eye left_ear",
    "left_ankle left_toe",
    "right_ankle right_toe",
)
LIMBS = np.array([(JOINT[a], JOINT[b]) for chain in _CHAINS for a, b in pairwise(chain.split())])
# A finger's first bone starts at the wrist (point 0), the others at the previous point.
_HAND_BONES = np.array([(point - 1 if point % 4 != 1 else 0, point) for point in range(1, HAND_POINTS)])
BONES = np.concatenate([_HAND_BONES + hand.start for hand in HANDS])

# Colours of the points and, dimmed, of the limbs with the same index, in OpenCV's BGR order.
_BLUE_GREEN_RED = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
    (170, 255, 255),
    (255, 255, 0),
)
POINT_COLORS = np.array(_BLUE_GREEN_RED, np.uint8)[:, ::-1]
LIMB_COLORS = (POINT_COLORS[: len(LIMBS)] * 0.6).astype(np.uint8)
BONE_COLORS = np.rint(
    [np.multiply(colorsys.hsv_to_rgb(i / len(_HAND_BONES), 1, 1), 255)[::-1] for i in range(len(_HAND_BONES))]
).astype(np.uint8)
HAND_COLORS = np.concatenate([BONE_COLORS, np.full((HAND_POINTS, 3), (255, 0, 0), np.uint8)])
# Colours in drawing order: limbs, body points, bones and points of the left hand, then of the right hand.
COLORS = np.concatenate([LIMB_COLORS, POINT_COLORS, HAND_COLORS, HAND_COLORS])
_HANDS_FROM = len(LIMBS) + BODY_POINTS
_PLACES = np.arange(_HANDS_FROM, len(COLORS)).reshape(2, -1)
BONE_PLACES = _PLACES[:, : len(_HAND_BONES)].reshape(-1)
POINT_PLACES = np.append(np.arange(len(LIMBS), _HANDS_FROM), _PLACES[:, len(_HAND_BONES) :])

MAX_COORDINATE = 1 << 20  # pixels; coordinates are clamped to this
BACKGROUND_BRIGHTNESS = 0.5  # brightness of the image under a skeleton
MAX_PREVIEW_WIDTH, MAX_PREVIEW_HEIGHT = 1024, 512  # maximum size of a preview frame in pixels


@dataclass(frozen=True)
class Strokes:
    """Stroke sizes in pixels.

    Attributes:
        limb: Half the width of a limb.
        point: Radius of a point.
        finger: Width of a finger.

    """

    limb: int = 4
    point: int = 4
    finger: int = 2

    @classmethod
    def fitting(cls, width: int, height: int) -> "Strokes":
        """Return strokes that look in an image of this size like the default ones in 512 x 768 pixels."""
        scale = math.sqrt(width * height / (512 * 768))
        return cls(*(max(least, round(size * scale)) for size, least in ((4, 1), (4, 1), (2, 2))))


DEFAULT_STROKES = Strokes()


def draw_pose(body: np.ndarray, hands: np.ndarray, width: int, height: int) -> np.ndarray:
    """Draw the pose of one frame.

    Matches the official drawing with OpenCV 4.5 to 4.12. As there, body points need a score above 0.3 and
    hand points one of at least 0.3, and hand points at pixel coordinate 0 or below are skipped.

    Args:
        body: (20, 3): x and y as fractions of the image, and a score.
        hands: (2, 21, 3), likewise, the left hand first.
        width: Of the image in pixels.
        height: Of the image in pixels.

    Returns:
        (height, width, 3) uint8, RGB, on black.

    Raises:
        InvalidInput: The width or height is not a whole number of at least 1.

    """
    require_int("width", width)
    require_int("height", height)
    image = np.zeros((height, width, 3), np.uint8)
    _draw(image, body, hands, DEFAULT_STROKES)
    return image


def draw_poses(
    poses: PoseSequence,
    width: int | None = None,
    height: int | None = None,
    progress: Progress = no_progress,
) -> Iterator[np.ndarray]:
    """Draw the poses frame by frame, as `draw_pose` does.

    Args:
        poses: The poses.
        width: Of the images; None uses the width of the poses.
        height: Of the images; None uses the height of the poses.
        progress: Called for each frame. An exception it raises stops the work.

    Yields:
        (height, width, 3) uint8, RGB.

    """
    width = poses.width if width is None else width
    height = poses.height if height is None else height
    frames = zip(poses.body, poses.hands, strict=True)
    for body, hands in with_progress(frames, len(poses), progress):
        yield draw_pose(body, hands, width, height)


def draw_over(image: np.ndarray, body: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """Draw a pose over a dimmed image, with strokes that suit its size.

    Args:
        image: (h, w, 3) uint8 in RGB.
        body: Body points, (20, 3): x, y as fractions of the image, and the score.
        hands: Points of both hands, (2, 21, 3), likewise.

    Returns:
        (h, w, 3) uint8 in RGB.

    """
    dimmed = (image * BACKGROUND_BRIGHTNESS).astype(np.uint8)
    _draw(dimmed, body, hands, Strokes.fitting(image.shape[1], image.shape[0]))
    return dimmed


def _draw(image: np.ndarray, body: np.ndarray, hands: np.ndarray, strokes: Strokes) -> None:
    height, width = image.shape[:2]
    points = np.concatenate([body, *hands], dtype=np.float32)
    places = np.clip(points[:, :2] * np.array([width, height], np.float32), -MAX_COORDINATE, MAX_COORDINATE)
    whole = places.astype(np.int64)
    in_hand = (points[BODY_POINTS:, 2] >= VISIBLE) & (whole[BODY_POINTS:] > 0).all(axis=1)
    drawn = np.append(seen(points[:BODY_POINTS]), in_hand)

    limbs = np.flatnonzero(drawn[LIMBS].all(axis=1))
    bones = np.flatnonzero(drawn[BONES].all(axis=1))
    fingers = lines(whole[BONES[bones]].reshape(-1, 4), strokes.finger, width, height)
    spans = Spans.joined(
        polygons(_limb_corners(places[LIMBS[limbs]], strokes.limb), width, height).labelled(limbs),
        discs(whole[drawn], strokes.point).labelled(POINT_PLACES[drawn]),
        fingers.labelled(BONE_PLACES[bones]),
    )
    paint(image, spans, COLORS)


def _limb_corners(ends: np.ndarray, half_width: int) -> np.ndarray:
    """Return the ellipses of limbs with ends (n, 2, 2) as whole-pixel polygons (n, 361, 2)."""
    away = ends[:, 0] - ends[:, 1]
    half_lengths = (np.sqrt((away**2).sum(axis=1)) / 2).astype(np.int64)
    degrees = np.array([int(math.degrees(math.atan2(y, x))) for x, y in away.tolist()], dtype=np.int64)
    centers = (ends.sum(axis=1) / 2).astype(np.int64)
    return ellipse_corners(centers, half_lengths, half_width, degrees)


def fit_preview(image: np.ndarray, most_pixels: float = MAX_PREVIEW_WIDTH * MAX_PREVIEW_HEIGHT) -> np.ndarray:
    """Resize an image to preview size.

    Args:
        image: (h, w, 3) uint8.
        most_pixels: Maximum number of pixels in a frame.

    Returns:
        The image (h, w, 3) uint8 with even width and height.

    """
    height, width, _ = image.shape
    scale = min(
        MAX_PREVIEW_HEIGHT / height, MAX_PREVIEW_WIDTH / width, (most_pixels / (width * height)) ** 0.5
    )
    return resize(image, *(max(2, round(side * scale / 2) * 2) for side in (width, height)))


def draw_poses_over(
    background: np.ndarray, poses: PoseSequence, progress: Progress = no_progress
) -> Iterator[np.ndarray]:
    """Draw the pose of each frame over the dimmed background.

    Args:
        background: (h, w, 3) uint8, RGB.
        poses: The poses, as fractions of the background.
        progress: Called for each frame. An exception it raises stops the work.

    Returns:
        An iterator of images (h, w, 3) uint8, RGB.

    """
    frames = with_progress(zip(poses.body, poses.hands, strict=True), len(poses), progress)
    return (draw_over(background, body, hands) for body, hands in frames)
