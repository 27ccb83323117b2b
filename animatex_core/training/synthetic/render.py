"""Renders a character in a sequence of poses on a background."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from PIL import Image

from ...pose.keypoints import JOINT, PoseSequence, seen
from .anatomy import unit
from .backdrop import Canvas
from .head import Head
from .look import PROFILES, Look

LINE = 0.006  # width of outlines, in statures
SIDES = ("right", "left")
STRIPES = ((0.25, 0.35), (0.5, 0.6), (0.75, 0.85))  # ranges along the trunk
BARS = ((-0.7, -0.45), (-0.1, 0.15), (0.5, 0.75))  # ranges across the trunk
DOTS = ((-0.5, 0.3), (0.4, 0.38), (-0.1, 0.55), (0.55, 0.65), (-0.55, 0.72), (0.1, 0.85))  # across, along
TAIL = ((0.0, 0.0), (0.2, 0.03), (0.3, -0.12))  # sideways and down from the end of the trunk


def render(look: Look, poses: PoseSequence, stature: float, background: Image.Image) -> Iterator[np.ndarray]:
    """Draw a character in each of its poses.

    Args:
        look: Appearance of the character.
        poses: Poses of f frames, for the character's own proportions.
        stature: Length of one stature in pixels.
        background: An image of SCALE times the size of the poses, as from `draw_backdrop`.

    Yields:
        f frames (height, width, 3) uint8 in RGB.

    """
    for body in poses.body:
        canvas = Canvas(background, LINE * stature if look.outline else 0.0)
        joints = body[:, :2] * np.array([poses.width, poses.height], float)
        Figure(look, canvas, joints, seen(body), stature).draw()
        yield canvas.finished()


class Figure:
    """A character in one pose, drawn on a canvas.

    Args:
        look: Appearance of the character.
        canvas: What to draw on.
        joints: (20, 2), joints of the body in pixels.
        present: (20,) bool, which joints the body has.
        stature: Length of one stature in pixels.

    """

    def __init__(
        self, look: Look, canvas: Canvas, joints: np.ndarray, present: np.ndarray, stature: float
    ) -> None:
        self.look, self.canvas, self.joints, self.present, self.unit = look, canvas, joints, present, stature

    def draw(self) -> None:
        """Draw all parts from back to front."""
        head = self._head
        self._tail()
        for side in SIDES:
            self._leg(side)
        if self.look.face_on_trunk:
            head.crown(self._top, 0.8 * head.radius, -self._down)
            self._trunk()
            head.ears(self._top + 0.6 * head.radius * self._down)
        else:
            head.ears(head.center)
            self._trunk()
            self.canvas.disc(head.center, head.radius, self.look.skin)
            head.crown(head.center + 0.9 * head.radius * head.up, head.radius, head.up)
        head.face()
        for side in SIDES:
            self._arm(side)

    def _at(self, name: str) -> np.ndarray:
        return self.joints[JOINT[name]]

    @cached_property
    def _hips(self) -> np.ndarray:
        return (self._at("right_hip") + self._at("left_hip")) / 2

    @cached_property
    def _down(self) -> np.ndarray:
        return unit(self._hips - self._at("neck"))

    @cached_property
    def _side(self) -> np.ndarray:
        return np.array([self._down[1], -self._down[0]])

    @cached_property
    def _top(self) -> np.ndarray:
        return self._at("neck") - self.look.above * self.unit * self._down

    @cached_property
    def _bottom(self) -> np.ndarray:
        return self._hips + self.look.below * self.unit * self._down

    @cached_property
    def _head(self) -> Head:
        radius = self.look.anatomy.head * self.unit
        nose, right, left = self._at("nose"), self._at("right_eye"), self._at("left_eye")
        across = left - right
        if np.linalg.norm(across) < 0.05 * radius:
            up = unit(nose - self._at("neck"))
        else:
            up = unit(np.array([across[1], -across[0]]))
            up = up if up @ self._down < 0 else -up
        return Head(self.look, self.canvas, nose, up, (left + right) / 2 - nose, radius, self.unit)

    def _leg(self, side: str) -> None:
        if self.present[JOINT[f"{side}_knee"]]:
            joints = np.stack([self._at(f"{side}_{name}") for name in ("hip", "knee", "ankle")])
            self.canvas.limb(joints, self.look.limb * self.look.leg * self.unit, self.look.legs)
            foot = np.stack([joints[2], self._at(f"{side}_toe")])
            self.canvas.limb(foot, 1.5 * self.look.foot_size * self.unit, self.look.shoes)

    def _arm(self, side: str) -> None:
        if self.present[JOINT[f"{side}_elbow"]]:
            joints = np.stack([self._at(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist")])
            self.canvas.limb(joints, self.look.limb * self.unit, self.look.arms)
            size = self.look.hand_size * self.unit
            hand = joints[2] + 0.6 * size * unit(joints[2] - joints[1])
            self.canvas.disc(hand, size, self.look.hands)

    def _tail(self) -> None:
        if self.look.tail != "none":
            root = self._bottom - 0.05 * self.unit * self._down
            points = [root + self.unit * (x * self._side + y * self._down) for x, y in TAIL]
            width = 0.03 if self.look.tail == "thin" else 0.09
            self.canvas.limb(np.array(points), width * self.unit, self.look.skin)

    def _trunk(self) -> None:
        look = self.look
        self.canvas.shape(self._outline(0.0, 1.0), look.trunk)
        parts = {
            "stripes": [(*along, -1.0, 1.0) for along in STRIPES],
            "bars": [(0.05, 0.95, *across) for across in BARS],
            "belly": [(0.55, 0.95, -0.65, 0.65)],
        }
        for part in parts.get(look.texture, []):
            self.canvas.shape(self._outline(*part), look.second, outlined=False)
        for across, along in DOTS if look.texture == "dots" else ():
            self.canvas.disc(self._inside(across, along), 0.025 * self.unit, look.second, outlined=False)

    def _outline(self, start: float, stop: float, left: float = -1.0, right: float = 1.0) -> np.ndarray:
        along = np.linspace(start, stop, 14)
        return np.concatenate([self._inside(left, along), self._inside(right, along[::-1])])

    def _inside(self, across: float, along: np.ndarray | float) -> np.ndarray:
        """Points of the trunk: `across` -1..1 in half widths, `along` 0..1 from top to bottom."""
        profile = PROFILES[self.look.profile]
        width = np.interp(along, np.linspace(0, 1, len(profile)), profile) * self.look.trunk_width * self.unit
        part, half = np.asarray(along)[..., None], np.asarray(width)[..., None]
        return self._top + part * (self._bottom - self._top) + across * half * self._side
