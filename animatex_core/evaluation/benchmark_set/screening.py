"""Screening of videos: keeps those in which the pose of a character is detected reliably."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...pose.cache import PoseCache, cache_key, digest_file
from ...pose.dwpose import DWPose
from ...pose.extractor import PoseExtractor
from ...pose.keypoints import JOINT, PoseSequence, seen
from ...utils.files import write_json
from ...utils.progress import Progress, no_progress
from ...video.info import VideoInfo, probe
from ...video.reader import read_frames

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


@dataclass(frozen=True)
class Verdict:
    """The result for a video.

    Attributes:
        kept: Whether it passes.
        why: The reason, in one sentence.
        measured: Its values; None if the video cannot be read.

    """

    kept: bool
    why: str
    measured: VideoQuality | None = None


@dataclass(frozen=True)
class PoseFinder:
    """Detects the most confident person of videos and caches the poses.

    Frames without a detection have no pose, unlike in the official code, which uses the whole frame as the
    box of a person in this case.

    Attributes:
        nets: The pose models.
        folder: Folder of the cache.
        detect_every: As for `PoseExtractor.extract`.

    """

    nets: DWPose
    folder: Path
    detect_every: int = 1

    def poses(self, clip: VideoInfo, progress: Progress = no_progress) -> PoseSequence:
        """Detect the poses of all frames, or read them from the cache.

        Args:
            clip: The video.
            progress: Called with the number of processed frames and the total.

        Returns:
            The poses.

        Raises:
            InvalidInput: The video cannot be decoded.

        """
        settings = {"person": "best", "detect_every": self.detect_every, "whole_frame": False}
        key = cache_key([digest_file(clip.path), *clip.conversion, *self.nets.contents], settings)
        return PoseCache(self.folder).cached(key, lambda: self._detect(clip, progress))

    def _detect(self, clip: VideoInfo, progress: Progress) -> PoseSequence:
        return self._extractor.extract(
            read_frames(clip),
            fps=clip.fps,
            total=clip.frames,
            detect_every=self.detect_every,
            whole_frame=False,
            progress=progress,
        )

    @cached_property
    def _extractor(self) -> PoseExtractor:
        return self.nets.open()


def screen(
    clip: Path, finder: PoseFinder, thresholds: Thresholds, progress: Progress = no_progress
) -> Verdict:
    """Screen a video; one that cannot be read is rejected with the reason.

    Args:
        clip: The video file.
        finder: Detects the poses.
        thresholds: Requirements.
        progress: Called with the number of processed frames and the total.

    Returns:
        The result.

    """
    try:
        info = probe(clip)
        measured = measure(finder.poses(info, progress), info.fps, thresholds.joints)
    except InvalidInput as error:
        return Verdict(False, str(error))
    reasons = list(rejection_reasons(measured, thresholds))
    return Verdict(not reasons, "; ".join(reasons) or acceptance_reason(measured), measured)


def write_report(
    path: Path, verdicts: Mapping[str, Verdict], names: Sequence[str], thresholds: Thresholds, nets: DWPose
) -> None:
    """Write the results as JSON.

    Args:
        path: The file.
        verdicts: Results by file name.
        names: All file names; those without a result are listed as not screened.
        thresholds: Requirements.
        nets: The pose models.

    Raises:
        StorageError: The file cannot be written.

    """
    report: dict[str, Any] = {
        "nets": nets.name,
        "thresholds": asdict(thresholds),
        "kept": [name for name, verdict in verdicts.items() if verdict.kept],
        "not_screened": [name for name in names if name not in verdicts],
        "clips": {name: asdict(verdict) for name, verdict in verdicts.items()},
    }
    write_json(path, report)
