"""The renderer: a character in a pose on a background."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ...pose.skeleton import JOINT, PoseSequence, seen
from .anatomy import unit
from .canvas import INK, Canvas
from .look import PROFILES, Look

WHITE = (250, 250, 250)
_SIDES = ("right", "left")


def render(look: Look, poses: PoseSequence, stature: float, background: Image.Image) -> Iterator[np.ndarray]:
    """Draw a character in each pose: (height, width, 3) uint8 in RGB. stature: its unit, in pixels."""
    line = 0.006 * stature if look.outline else 0.0
    for body in poses.body:
        places = body[:, :2] * np.float32([poses.width, poses.height])
        canvas = Canvas(background, line)
        _Figure(look, canvas, places.astype(float), seen(body), stature).draw()
        yield canvas.finished()


class _Figure:
    def __init__(
        self, look: Look, canvas: Canvas, places: np.ndarray, shown: np.ndarray, stature: float
    ) -> None:
        self.look, self.canvas, self.places, self.shown, self.unit = look, canvas, places, shown, stature
        hips = (self.at("right_hip") + self.at("left_hip")) / 2
        self.down = unit(hips - self.at("neck"))
        self.side = np.array([self.down[1], -self.down[0]])
        self.top = self.at("neck") - look.above * stature * self.down
        self.bottom = hips + look.below * stature * self.down
        self.head = look.anatomy.head * stature
        self.upright = self._upright()

    def at(self, name: str) -> np.ndarray:
        return self.places[JOINT[name]]

    def draw(self) -> None:
        self._tail()
        for side in _SIDES:
            self._leg(side)
        if not self.look.face_on_trunk:
            self._ears()
        else:
            self._crown(self.top, 0.8 * self.head)
        self._trunk()
        if not self.look.face_on_trunk:
            self.canvas.disc(self.at("nose"), self.head, self.look.skin)
            self._crown(self.at("nose") + 0.9 * self.head * self.upright, self.head)
        else:
            self._ears()
        self._face()
        for side in _SIDES:
            self._arm(side)

    def _upright(self) -> np.ndarray:
        across = self.at("left_eye") - self.at("right_eye")
        if np.linalg.norm(across) < 0.05 * self.head:
            return unit(self.at("nose") - self.at("neck"))
        up = np.array([across[1], -across[0]])
        return unit(up if up @ self.down < 0 else -up)

    def _leg(self, side: str) -> None:
        if self.shown[JOINT[f"{side}_knee"]]:
            joints = np.stack([self.at(f"{side}_{name}") for name in ("hip", "knee", "ankle")])
            self.canvas.limb(joints, self.look.limb * self.look.leg * self.unit, self.look.legs)
            foot = np.stack([joints[2], self.at(f"{side}_toe")])
            self.canvas.limb(foot, 1.5 * self.look.foot_size * self.unit, self.look.shoes)

    def _arm(self, side: str) -> None:
        if self.shown[JOINT[f"{side}_elbow"]]:
            joints = np.stack([self.at(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist")])
            self.canvas.limb(joints, self.look.limb * self.unit, self.look.arms)
            size = self.look.hand_size * self.unit
            self.canvas.disc(joints[2] + 0.6 * size * unit(joints[2] - joints[1]), size, self.look.hands)

    def _trunk(self) -> None:
        look = self.look
        self.canvas.shape(self._outline(0.0, 1.0), look.trunk)
        if look.texture == "stripes":
            for start in (0.25, 0.5, 0.75):
                self.canvas.shape(self._outline(start, start + 0.1), look.second, outlined=False)
        elif look.texture == "bars":
            for start in (-0.7, -0.1, 0.5):
                self.canvas.shape(self._outline(0.05, 0.95, start, start + 0.25), look.second, outlined=False)
        elif look.texture == "belly":
            self.canvas.shape(self._outline(0.55, 0.95, -0.65, 0.65), look.second, outlined=False)
        elif look.texture == "dots":
            for across, along in (
                (-0.5, 0.3),
                (0.4, 0.38),
                (-0.1, 0.55),
                (0.55, 0.65),
                (-0.55, 0.72),
                (0.1, 0.85),
            ):
                self.canvas.disc(self._inside(across, along), 0.025 * self.unit, look.second, outlined=False)

    def _outline(self, start: float, stop: float, left: float = -1.0, right: float = 1.0) -> np.ndarray:
        along = np.linspace(start, stop, 14)
        edges = [[self._inside(edge, each) for each in along] for edge in (left, right)]
        return np.array([*edges[0], *edges[1][::-1]])

    def _inside(self, across: float, along: float) -> np.ndarray:
        profile = PROFILES[self.look.profile]
        width = np.interp(along, np.linspace(0, 1, len(profile)), profile) * self.look.trunk_width * self.unit
        return self.top + along * (self.bottom - self.top) + across * width * self.side

    def _face(self) -> None:
        nose, up, radius = self.at("nose"), self.upright, self.head
        side = np.array([-up[1], up[0]])
        turn = float((self.at("left_eye") + self.at("right_eye") - 2 * nose) @ side) / 2
        eye = self.look.eye_size * radius
        for sign in (-1, 1):
            center = nose + 0.28 * radius * up + (sign * 0.38 * radius + turn) * side
            self.canvas.disc(center, eye, WHITE, outlined=False)
            self.canvas.disc(center + 0.2 * turn * side, 0.55 * eye, INK, outlined=False)
        mouth = [
            nose + 1.2 * turn * side + x * radius * side - (0.42 - 1.2 * x * x) * radius * up
            for x in (-0.3, -0.15, 0, 0.15, 0.3)
        ]
        self.canvas.curve(np.array(mouth), 0.1 * radius, INK)

    def _ears(self) -> None:
        look, size = self.look, self.look.ear_size * self.unit
        if look.ears == "none":
            return
        side = np.array([-self.upright[1], self.upright[0]])
        base = self.at("nose") if not look.face_on_trunk else self.top + 0.6 * self.head * self.down
        for sign in (-1, 1):
            root = base + self.head * (0.7 * self.upright + sign * 0.6 * side)
            out = unit(self.upright + sign * 0.45 * side)
            self._ear(root, out, size)

    def _ear(self, root: np.ndarray, out: np.ndarray, size: float) -> None:
        kind, across = self.look.ears, np.array([-out[1], out[0]])
        if kind == "round":
            self.canvas.disc(root + 0.2 * size * out, 0.5 * size, self.look.skin)
        elif kind == "long":
            self.canvas.limb(np.stack([root, root + 1.3 * size * out]), 0.5 * size, self.look.skin)
        elif kind == "antennae":
            self.canvas.limb(np.stack([root, root + 0.8 * size * out]), 0.12 * size, self.look.hair)
            self.canvas.disc(root + 0.9 * size * out, 0.2 * size, self.look.second)
        else:
            color = self.look.skin if kind == "pointed" else self.look.hair
            corners = np.stack(
                [root - 0.4 * size * across, root + 0.9 * size * out, root + 0.4 * size * across]
            )
            self.canvas.shape(corners, color)

    def _crown(self, place: np.ndarray, radius: float) -> None:
        look, up = self.look, self.upright if not self.look.face_on_trunk else -self.down
        side = np.array([-up[1], up[0]])
        if look.top == "leaf":
            self.canvas.limb(np.stack([place, place + 0.5 * radius * up]), 0.12 * radius, look.hair)
            self.canvas.disc(place + radius * (0.6 * up + 0.35 * side), 0.35 * radius, look.second)
        elif look.top == "stem":
            self.canvas.limb(
                np.stack([place - 0.2 * radius * up, place + 0.7 * radius * up]), 0.25 * radius, look.hair
            )
        elif look.top == "tuft":
            for across in (-0.45, 0.0, 0.45):
                self.canvas.disc(place + radius * (across * side - 0.12 * up), 0.42 * radius, look.hair)
        elif look.top == "hat":
            corners = [
                place + radius * (x * side + y * up) for x, y in ((-0.9, -0.1), (0.9, -0.1), (0.0, 1.1))
            ]
            self.canvas.shape(np.array(corners), look.second)

    def _tail(self) -> None:
        kind = self.look.tail
        if kind != "none":
            along = self.bottom - 0.05 * self.unit * self.down
            places = [
                along + self.unit * (x * self.side + y * self.down)
                for x, y in ((0, 0), (0.2, 0.03), (0.3, -0.12))
            ]
            self.canvas.limb(np.array(places), (0.03 if kind == "thin" else 0.09) * self.unit, self.look.skin)
