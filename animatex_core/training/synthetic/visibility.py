"""Which joints of a drawn body nothing else covers."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from ...pose.keypoints import JOINT, seen
from .backdrop import SCALE, Canvas
from .render import Figure
from .triples import Scene

# Each limb is painted in a colour of its own, for a leg hides the other one in trousers of one colour too.
AROUND, REST = (255, 255, 255), (0, 0, 0)
LEGS = {"right": (255, 0, 0), "left": (0, 0, 255)}
ARMS = {"right": (255, 255, 0), "left": (0, 255, 255)}
PARTS = "trunk", "second", "skin", "arms", "legs", "hands", "shoes", "hair"


def visible_joints(scene: Scene) -> np.ndarray:
    """Return (f, 20) bool: joints that the body has, in the frame, and of arms and legs uncovered ones.

    A joint of a limb is covered where its pixel changed after the limb was drawn: by the trunk, the head, or
    a limb before it. Joints of trunk and head count as visible, as annotators mark them through an arm.
    """
    poses = scene.poses
    around = Image.new("RGB", (SCALE * poses.width, SCALE * poses.height), AROUND)
    places = poses.body[..., :2] * [poses.width, poses.height]
    inside = ((poses.body[..., :2] >= 0) & (poses.body[..., :2] < 1)).all(axis=2)
    there = seen(poses.body) & inside
    for frame, shown in enumerate(there):
        figure = _Watched(scene.look, Canvas(around), places[frame], seen(poses.body[frame]), scene.stature)
        figure.draw()
        shown &= ~figure.covered
    return there


class _Watched(Figure):
    """Remembers what its limbs' joints looked like when they were drawn."""

    def draw(self) -> None:
        self.fresh: dict[int, tuple[int, ...]] = {}
        plain: dict[str, Any] = dict.fromkeys(PARTS, REST)
        self.look = replace(self.look, **plain)
        super().draw()

    @property
    def covered(self) -> np.ndarray:
        """(20,) bool, once it is drawn."""
        now = np.zeros(len(self.places), bool)
        for joint, color in self.fresh.items():
            now[joint] = self._color(joint) != color
        return now

    def _leg(self, side: str) -> None:
        self.look = replace(self.look, legs=LEGS[side], shoes=LEGS[side])
        super()._leg(side)
        self._remember(side, ("knee", "ankle", "toe"))

    def _arm(self, side: str) -> None:
        self.look = replace(self.look, arms=ARMS[side], hands=ARMS[side])
        super()._arm(side)
        self._remember(side, ("elbow", "wrist"))

    def _remember(self, side: str, names: tuple[str, ...]) -> None:
        for joint in (JOINT[f"{side}_{name}"] for name in names):
            if self.shown[joint]:
                self.fresh[joint] = self._color(joint)

    def _color(self, joint: int) -> tuple[int, ...]:
        image = self.canvas.image
        x, y = np.clip(np.round(self.places[joint] * SCALE).astype(int), 0, np.array(image.size) - 1)
        color = image.getpixel((int(x), int(y)))
        assert isinstance(color, tuple)
        return color
