"""Pictures of poses as the released code draws them and the denoiser sees them: RGB on black."""

import colorsys
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from animatex_core.checks import require_whole
from animatex_core.pose.raster import Spans, discs, ellipse_corners, lines, paint, polygons
from animatex_core.pose.skeleton import BODY_POINTS, HAND_POINTS, JOINT, VISIBLE, PoseSequence, seen

LIMBS = np.array([(JOINT[a], JOINT[b]) for a, b in (
    ("neck", "right_shoulder"), ("neck", "left_shoulder"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_eye"), ("left_eye", "left_ear"),
    ("left_ankle", "left_toe"), ("right_ankle", "right_toe"),
)])  # fmt: skip
FINGERS = np.array([
    (0 if bone == 0 else 4 * finger + bone, 4 * finger + bone + 1) for finger in range(5) for bone in range(4)
])  # fmt: skip

# A point's colour and, dimmed, that of the limb of the same number. OpenCV writes the first number as blue.
_BLUE_GREEN_RED = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85), (170, 255, 255), (255, 255, 0),
)  # fmt: skip
POINT_COLORS = np.array(_BLUE_GREEN_RED, np.uint8)[:, ::-1]
LIMB_COLORS = (POINT_COLORS[: len(LIMBS)] * 0.6).astype(np.uint8)
FINGER_COLORS = np.rint(
    [np.multiply(colorsys.hsv_to_rgb(i / len(FINGERS), 1, 1), 255)[::-1] for i in range(len(FINGERS))]
).astype(np.uint8)
HAND_POINT_COLOR = np.array([[255, 0, 0]], np.uint8)
HAND_COLORS = np.concatenate([FINGER_COLORS, HAND_POINT_COLOR.repeat(HAND_POINTS, axis=0)])
COLORS = np.concatenate([LIMB_COLORS, POINT_COLORS, HAND_COLORS, HAND_COLORS])

FARTHEST = 1 << 20  # pixels; a wild point beyond is drawn from here
DIMMED = 0.5  # brightness of the picture under a skeleton


@dataclass(frozen=True)
class Strokes:
    """Pixels: half the width of a limb, the radius of a point, the width of a finger."""

    limb: int = 4
    point: int = 4
    finger: int = 2

    @classmethod
    def fitting(cls, width: int, height: int) -> "Strokes":
        """Return the strokes that look in this picture as the released ones do in 512 x 768 pixels."""
        scale = math.sqrt(width * height / (512 * 768))
        return cls(*(max(least, round(size * scale)) for size, least in ((4, 1), (4, 1), (2, 2))))


RELEASED = Strokes()


def draw_pose(body: np.ndarray, hands: np.ndarray, width: int, height: int) -> np.ndarray:
    """Draw one frame's pose: RGB uint8 (height, width, 3), black where nothing is drawn.

    body (20, 3) and hands (2, 21, 3): x and y in parts of the picture, and a score. Body points count from
    scores above 0.3 and hand points from 0.3. Equal to the released drawing with OpenCV 4.5 to 4.12.
    Raises InvalidInput for a width or height that is no whole number of 1 or more.
    """
    require_whole("width", width)
    require_whole("height", height)
    picture = np.zeros((height, width, 3), np.uint8)
    _draw(picture, body, hands, RELEASED)
    return picture


def draw_poses(
    poses: PoseSequence, width: int | None = None, height: int | None = None
) -> Iterator[np.ndarray]:
    """Draw the frames one after the other, as `draw_pose` does; the size is by default that of the poses."""
    width = poses.width if width is None else width
    height = poses.height if height is None else height
    for body, hands in zip(poses.body, poses.hands, strict=True):
        yield draw_pose(body, hands, width, height)


def draw_over(picture: np.ndarray, body: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """Lay a pose over a dimmed RGB picture (h, w, 3) uint8, with strokes that fit its size."""
    dimmed = (picture * DIMMED).astype(np.uint8)
    _draw(dimmed, body, hands, Strokes.fitting(picture.shape[1], picture.shape[0]))
    return dimmed


def _draw(picture: np.ndarray, body: np.ndarray, hands: np.ndarray, strokes: Strokes) -> None:
    height, width = picture.shape[:2]
    size = np.array([width, height], np.float32)
    body, hands = np.asarray(body, np.float32), np.asarray(hands, np.float32)
    drawn = [*_body_spans(_pixels(body, size), seen(body), strokes, width, height)]
    for side in (0, 1):
        spans = _hand_spans(_pixels(hands[side], size), hands[side, :, 2] >= VISIBLE, strokes, width, height)
        first = len(LIMBS) + BODY_POINTS + side * len(HAND_COLORS)
        drawn += [part.labelled(first + np.arange(len(HAND_COLORS))) for part in spans]
    paint(picture, Spans.joined(*drawn), COLORS)


def _pixels(points: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.clip(points[..., :2] * size, -FARTHEST, FARTHEST)


def _body_spans(
    points: np.ndarray, drawn: np.ndarray, strokes: Strokes, width: int, height: int
) -> tuple[Spans, Spans]:
    """Limbs as filled ellipses, labelled from 0, then joints as discs. points (20, 2) pixels, drawn (20,)."""
    limbs = np.flatnonzero(drawn[LIMBS].all(axis=1))
    start, end = points[LIMBS[limbs, 0]], points[LIMBS[limbs, 1]]
    away = start - end
    half_lengths = (np.sqrt((away**2).sum(axis=1)) / 2).astype(np.int64)
    degrees = np.array([int(math.degrees(math.atan2(y, x))) for x, y in away.tolist()], dtype=np.int64)
    centers = ((start + end) / 2).astype(np.int64)
    corners = ellipse_corners(centers, half_lengths, strokes.limb, degrees)
    joints = np.flatnonzero(drawn)
    dots = discs(points[joints].astype(np.int64), strokes.point)
    return polygons(corners, width, height).labelled(limbs), dots.labelled(len(LIMBS) + joints)


def _hand_spans(
    points: np.ndarray, found: np.ndarray, strokes: Strokes, width: int, height: int
) -> tuple[Spans, Spans]:
    """Bones as lines, labelled from 0, then points as discs. points (21, 2) pixels, found (21,).

    Points in the first row or column of pixels, or before it, are not drawn, as released.
    """
    whole = points.astype(np.int64)
    drawn = found & (whole > 0).all(axis=1)
    bones = np.flatnonzero(drawn[FINGERS].all(axis=1))
    ends = whole[FINGERS[bones]].reshape(-1, 4)
    dots = np.flatnonzero(drawn)
    return (
        lines(ends, strokes.finger, width, height).labelled(bones),
        discs(whole[dots], strokes.point).labelled(len(FINGERS) + dots),
    )
