"""What is measured of a video's poses, and the thresholds for keeping it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby

import numpy as np

from ...errors import InvalidInput
from ...pose.keypoints import JOINT, PoseSequence, seen

# Heads are not considered: on characters, detectors find spurious faces or none.
LIMBS = [
    JOINT[f"{side}_{joint}"]
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]


@dataclass(frozen=True)
class Thresholds:
    """Requirements for a video to be kept.

    A joint counts as detected above a score of 0.3, as in the official code. The paper does not describe how
    its 100 videos with usable poses were selected; these values are our choice.

    Attributes:
        joints: Joints that must be detected for a body to count as found in a frame, of the 12 joints of arms
            and legs. 10 allows one hand and one foot to be hidden.
        found: Minimum share of frames with a body, 0..1.
        gap: Maximum duration without a body in seconds.
        confidence: Minimum mean score of these joints over all frames. It is well above the 0.3 of a single
            joint, since models are rarely confident about guessed limbs.

    """

    joints: int = 10
    found: float = 0.9
    gap: float = 0.5
    confidence: float = 0.5

    def __post_init__(self) -> None:
        limits = {"joints": len(LIMBS), "found": 1, "gap": np.inf, "confidence": 1}
        for field in fields(self):
            value, most = getattr(self, field.name), limits[field.name]
            if not 0 <= value <= most:
                raise InvalidInput(f"{field.name} is {value:g}: use a value from 0 to {most:g}.")


@dataclass(frozen=True)
class VideoQuality:
    """The number of frames of a video, and its values for comparison with Thresholds."""

    frames: int
    found: float
    gap: float
    confidence: float


def measure(poses: PoseSequence, fps: float, joints: int) -> VideoQuality:
    """Compute the values that are compared with thresholds.

    Args:
        poses: Poses of all frames.
        fps: Frames per second.
        joints: Joints, of 12, that must be detected for a body to count as found.

    Returns:
        The values.

    """
    limbs = poses.body[:, LIMBS]
    found = seen(limbs).sum(axis=1) >= joints
    gap = max((len(list(run)) for is_found, run in groupby(found) if not is_found), default=0)
    return VideoQuality(len(poses), float(found.mean()), gap / fps, float(limbs[..., 2].mean()))


def rejection_reasons(measured: VideoQuality, thresholds: Thresholds) -> Iterator[str]:
    """Yield the reasons to reject a video; none if it passes."""
    if measured.found == 0:
        yield "no body is found in any frame"
        return
    if measured.found < thresholds.found:
        yield f"a body is found in {measured.found:.0%} of the frames, less than {thresholds.found:.0%}"
    if measured.gap > thresholds.gap:
        yield f"no body is found for {measured.gap:.2f} seconds in a row, more than {thresholds.gap:.2f}"
    if measured.confidence < thresholds.confidence:
        yield f"the mean score is {measured.confidence:.2f}, less than {thresholds.confidence:.2f}"


def acceptance_reason(measured: VideoQuality) -> str:
    """Return the reason to keep a video that passes."""
    found = f"a body is found in {measured.found:.0%} of the frames"
    return f"{found}, with a mean score of {measured.confidence:.2f}"
