"""Drawing of heads: faces, ears, and hats or leaves on top."""

from dataclasses import dataclass

import numpy as np

from .anatomy import unit
from .backdrop import INK, Canvas
from .look import Look

WHITE = (250, 250, 250)
MOUTH = np.array([-0.3, -0.15, 0.0, 0.15, 0.3])
HAT = ((-0.9, -0.1), (0.9, -0.1), (0.0, 1.1))


@dataclass(frozen=True, eq=False)
class Head:
    """A head to be drawn on a canvas, in pixels.

    Attributes:
        look: Appearance of the character.
        canvas: What to draw on.
        center: (2,), the nose.
        up: (2,), unit vector from the chin to the crown.
        turn: (2,), offset of the eyes from the nose, which shows how far the head is turned.
        radius: Radius of the head.
        unit: Length of one stature.

    """

    look: Look
    canvas: Canvas
    center: np.ndarray
    up: np.ndarray
    turn: np.ndarray
    radius: float
    unit: float

    @property
    def side(self) -> np.ndarray:
        """Unit vector sideways."""
        return np.array([-self.up[1], self.up[0]])

    def face(self) -> None:
        """Draw the eyes and the mouth."""
        radius, up, side = self.radius, self.up, self.side
        turn = float(self.turn @ side) * side
        eye = self.look.eye_size * radius
        for sign in (-1, 1):
            center = self.center + 0.28 * radius * up + sign * 0.38 * radius * side + turn
            self.canvas.disc(center, eye, WHITE, outlined=False)
            self.canvas.disc(center + 0.2 * turn, 0.55 * eye, INK, outlined=False)
        across, height = MOUTH[:, None] * radius, (0.42 - 1.2 * MOUTH[:, None] ** 2) * radius
        self.canvas.curve(self.center + 1.2 * turn + across * side - height * up, 0.1 * radius, INK)

    def ears(self, base: np.ndarray) -> None:
        """Draw both ears around a point (2,)."""
        for sign in (-1, 1) if self.look.ears != "none" else ():
            root = base + self.radius * (0.7 * self.up + sign * 0.6 * self.side)
            self._ear(root, unit(self.up + sign * 0.45 * self.side), self.look.ear_size * self.unit)

    def crown(self, place: np.ndarray, radius: float, up: np.ndarray) -> None:
        """Draw the hair, hat, leaf or stem at a point (2,)."""
        look, side = self.look, np.array([-up[1], up[0]])
        if look.top == "leaf":
            self.canvas.limb(np.stack([place, place + 0.5 * radius * up]), 0.12 * radius, look.hair)
            self.canvas.disc(place + radius * (0.6 * up + 0.35 * side), 0.35 * radius, look.second)
        elif look.top == "stem":
            ends = np.stack([place - 0.2 * radius * up, place + 0.7 * radius * up])
            self.canvas.limb(ends, 0.25 * radius, look.hair)
        elif look.top == "tuft":
            for across in (-0.45, 0.0, 0.45):
                self.canvas.disc(place + radius * (across * side - 0.12 * up), 0.42 * radius, look.hair)
        elif look.top == "hat":
            corners = [place + radius * (x * side + y * up) for x, y in HAT]
            self.canvas.shape(np.array(corners), look.second)

    def _ear(self, root: np.ndarray, out: np.ndarray, size: float) -> None:
        look, across = self.look, np.array([-out[1], out[0]])
        if look.ears == "round":
            self.canvas.disc(root + 0.2 * size * out, 0.5 * size, look.skin)
        elif look.ears == "long":
            self.canvas.limb(np.stack([root, root + 1.3 * size * out]), 0.5 * size, look.skin)
        elif look.ears == "antennae":
            self.canvas.limb(np.stack([root, root + 0.8 * size * out]), 0.12 * size, look.hair)
            self.canvas.disc(root + 0.9 * size * out, 0.2 * size, look.second)
        else:
            color = look.skin if look.ears == "pointed" else look.hair
            tip = root + 0.9 * size * out
            self.canvas.shape(np.stack([root - 0.4 * size * across, tip, root + 0.4 * size * across]), color)
