"""Visibility of joints in rendered frames, so that pose estimators are scored on visible joints."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from ...pose.keypoints import JOINT, seen
from .backdrop import SCALE, Canvas
from .render import Figure
from .triples import Scene

# Each limb is painted in its own colour, since a leg may also hide the other leg of the same colour.
BACKGROUND, REST = (255, 255, 255), (0, 0, 0)
LEGS = {"right": (255, 0, 0), "left": (0, 0, 255)}
ARMS = {"right": (255, 255, 0), "left": (0, 255, 255)}
PARTS = "trunk", "second", "skin", "arms", "legs", "hands", "shoes", "hair"


def visible_joints(scene: Scene) -> np.ndarray:
    """Return which joints are visible, (f, 20) bool.

    A visible joint exists, lies inside the frame and, for arms and legs, is not covered. A joint is covered
    if its pixel changed after its limb was drawn: by the trunk, the head or a limb in front. Joints of the
    trunk and the head always count as visible, because annotators also mark them through an arm.
    """
    poses = scene.poses
    background = Image.new("RGB", (SCALE * poses.width, SCALE * poses.height), BACKGROUND)
    joints = poses.body[..., :2] * [poses.width, poses.height]
    inside = ((poses.body[..., :2] >= 0) & (poses.body[..., :2] < 1)).all(axis=2)
    present = seen(poses.body)
    visible = present & inside
    for frame, canvas in enumerate(Canvas(background) for _ in visible):
        figure = _OcclusionProbe(scene.look, canvas, joints[frame], present[frame], scene.stature)
        figure.draw()
        visible[frame] &= ~figure.covered
    return visible


class _OcclusionProbe(Figure):
    """A figure that records the colour of each limb joint when it is drawn."""

    def draw(self) -> None:
        self.drawn: dict[int, tuple[int, ...]] = {}
        plain: dict[str, Any] = dict.fromkeys(PARTS, REST)
        self.look = replace(self.look, **plain)
        super().draw()

    @property
    def covered(self) -> np.ndarray:
        """(20,) bool, which joints were painted over; valid after `draw`."""
        result = np.zeros(len(self.joints), bool)
        for joint, color in self.drawn.items():
            result[joint] = self._color(joint) != color
        return result

    def _leg(self, side: str) -> None:
        self.look = replace(self.look, legs=LEGS[side], shoes=LEGS[side])
        super()._leg(side)
        self._record(side, ("knee", "ankle", "toe"))

    def _arm(self, side: str) -> None:
        self.look = replace(self.look, arms=ARMS[side], hands=ARMS[side])
        super()._arm(side)
        self._record(side, ("elbow", "wrist"))

    def _record(self, side: str, names: tuple[str, ...]) -> None:
        for joint in (JOINT[f"{side}_{name}"] for name in names):
            if self.present[joint]:
                self.drawn[joint] = self._color(joint)

    def _color(self, joint: int) -> tuple[int, ...]:
        image = self.canvas.image
        x, y = np.clip(np.round(self.joints[joint] * SCALE).astype(int), 0, np.array(image.size) - 1)
        color = image.getpixel((int(x), int(y)))
        assert isinstance(color, tuple)
        return color
