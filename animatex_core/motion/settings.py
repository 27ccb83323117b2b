"""How a recording becomes a clip: camera, frame rate and bones."""

import math
from dataclasses import dataclass, field

from ..errors import InvalidInput
from .bones import OwnBones
from .bvh import MAX_FPS
from .camera import CameraSettings

DEFAULT_FPS = 24.0


@dataclass(frozen=True)
class MotionSettings:
    """How a recording becomes a clip.

    Attributes:
        camera: The camera and the size of the frames.
        fps: Frame rate to which the motion is resampled before frames are chosen; see `kinematics.pose_at`.
        bones: The user's mapping of joints to bones, which overrides known names.

    Raises:
        InvalidInput: The frame rate is out of range.

    """

    camera: CameraSettings = field(default_factory=CameraSettings)
    fps: float = DEFAULT_FPS
    bones: OwnBones = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.fps) or not 0.1 <= self.fps <= MAX_FPS:
            raise InvalidInput(
                f"The frame rate of the motion is {self.fps:g}, but it must be from 0.1 to {MAX_FPS}: use 24."
            )
