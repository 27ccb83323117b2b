"""A skeleton and its recorded motion, as a BVH file contains them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

AXES = "XYZ"
POSITIONS = tuple(f"{axis}position" for axis in AXES)
ROTATIONS = tuple(f"{axis}rotation" for axis in AXES)
CHANNELS = {name.lower(): name for name in (*POSITIONS, *ROTATIONS)}
SNAP = 5e-4  # relative distance to a whole frame rate: files round 1/30 to 0.0333333
NO_PARENT = -1


@dataclass(frozen=True, eq=False)
class Skeleton:
    """n joints; each parent precedes its children.

    Attributes:
        names: One per joint; "" for an End Site.
        parents: Index of each parent, `NO_PARENT` for a root.
        offsets: (n, 3) float64, position relative to the parent in the rest pose, in the units of the file.
        channels: The channels of each joint in the order of the file, names of `CHANNELS`.

    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The first column of each joint's channels in a frame."""
        return tuple(np.cumsum([0, *map(len, self.channels[:-1])]).tolist())

    @property
    def num_channels(self) -> int:
        """Numbers per frame."""
        return sum(map(len, self.channels))

    def children(self, joint: int) -> list[int]:
        """Return the indices of a joint's children."""
        return [child for child, parent in enumerate(self.parents) if parent == joint]


@dataclass(frozen=True, eq=False)
class MotionCapture:
    """f frames of a skeleton's motion.

    Attributes:
        skeleton: The skeleton.
        values: (f, `num_channels`) float64, positions in the units of the file and angles in degrees.
        frame_time: Seconds per frame.

    """

    skeleton: Skeleton
    values: np.ndarray
    frame_time: float

    def __len__(self) -> int:
        return len(self.values)

    @property
    def fps(self) -> float:
        """Frames per second, a whole number if the frame time is one rounded."""
        rate = 1 / self.frame_time
        whole = round(rate)
        return float(whole) if abs(rate - whole) <= SNAP * rate else rate
