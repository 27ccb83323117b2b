"""The standing body that both styles draw."""

from dataclasses import dataclass

import numpy as np

from ...pose.keypoints import JOINT, PoseSequence
from ...retarget.bones import KIND, PROPORTION
from ..synthetic.anatomy import Anatomy, apply_motion, draw_placement, unit
from ..synthetic.dances import draw_standing_pose

SHARE = (0.64, 0.66)  # range of the image height that the figure fills
SIDES = ("right", "left")


@dataclass(frozen=True, eq=False)
class StandingBody:
    """A body in its pose, in pixels.

    Attributes:
        poses: Its pose, a single frame.
        stature: Length of one stature.
        head: Radius of the head.

    """

    poses: PoseSequence
    stature: float
    head: float

    def at(self, name: str) -> np.ndarray:
        """Return the position of a joint, (2,)."""
        x, y = self.poses.body[0, JOINT[name], :2] * [self.poses.width, self.poses.height]
        return np.array([x, y], float)

    def limb(self, side: str, *names: str) -> list[np.ndarray]:
        """Return the positions of joints of one side."""
        return [self.at(f"{side}_{name}") for name in names]

    @property
    def hips(self) -> np.ndarray:
        """Middle of the hips, (2,)."""
        return (self.at("right_hip") + self.at("left_hip")) / 2

    @property
    def down(self) -> np.ndarray:
        """Unit vector from the neck to the hips."""
        return unit(self.hips - self.at("neck"))

    @property
    def side(self) -> np.ndarray:
        """Unit vector from the right to the left of the figure."""
        return np.array([self.down[1], -self.down[0]])


def draw_body(
    rng: np.random.Generator, scales: dict[str, float], head: float, size: tuple[int, int]
) -> StandingBody:
    """Draw a standing body.

    Args:
        rng: Source of its pose and place.
        scales: Kind of bone -> its length relative to that of a person.
        head: Radius of the head in statures.
        size: Width and height of the image.

    Returns:
        The body, with arms held away from the trunk.

    """
    lengths = PROPORTION.copy()
    for kind, scale in scales.items():
        lengths[KIND[kind]] *= scale
    lengths[KIND["neck"]], lengths[KIND["face"]] = head, 0.45 * head
    anatomy = Anatomy(lengths, head, hand=0.08)
    place = draw_placement(rng, anatomy, *size, SHARE)
    return StandingBody(
        apply_motion(anatomy, draw_standing_pose(rng), place), place.stature, head * place.stature
    )
