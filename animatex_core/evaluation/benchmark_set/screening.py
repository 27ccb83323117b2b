"""Which videos of a folder show somebody whose pose is found confidently throughout."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...pose.cache import PoseCache, digest_file, key_of
from ...pose.dwpose import DWPose
from ...pose.extractor import PoseExtractor
from ...pose.keypoints import JOINT, PoseSequence, seen
from ...utils.files import write_json
from ...utils.progress import Progress, no_progress
from ...video.info import VideoInfo, probe
from ...video.reader import read_frames

# What dances. Heads of characters are no measure: detectors find faces on anything, or on nothing.
LIMBS = [
    JOINT[f"{side}_{joint}"]
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]


@dataclass(frozen=True)
class Thresholds:
    """What a clip needs to be kept; a joint counts as found above the score of 0.3, as in the release.

    joints: found in a frame for the body to be found in it, of the 12 of arms and legs; 10 lets one hand and
    one foot be hidden for a while.
    found: least part of the frames (0..1) with a body. gap: longest time without one, in seconds.
    confidence: least mean score of these joints over all frames, well above the 0.3 of a single joint, since
    nets are seldom sure of limbs that they only guess.
    The paper does not tell how its 100 clips of usable poses were chosen: these numbers are ours.
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
                raise InvalidInput(f"{field.name} is {value:g}: take 0 to {most:g}.")


@dataclass(frozen=True)
class Measured:
    """A clip of so many frames, in the terms of Thresholds."""

    frames: int
    found: float
    gap: float
    confidence: float


def measure(poses: PoseSequence, fps: float, joints: int) -> Measured:
    """Measure the poses of a clip of `fps` frames a second; joints: of 12, for a body to be found."""
    limbs = poses.body[:, LIMBS]
    found = seen(limbs).sum(axis=1) >= joints
    gap = max((len(list(run)) for is_found, run in groupby(found) if not is_found), default=0)
    return Measured(len(poses), float(found.mean()), gap / fps, float(limbs[..., 2].mean()))


def faults(measured: Measured, thresholds: Thresholds) -> Iterator[str]:
    """Say in what a clip falls short of the thresholds; nothing where it is to be kept."""
    if measured.found == 0:
        yield "a body is found in no frame"
        return
    if measured.found < thresholds.found:
        yield f"a body is found in {measured.found:.0%} of the frames, less than {thresholds.found:.0%}"
    if measured.gap > thresholds.gap:
        yield f"none is found for {measured.gap:.2f} seconds in a row, more than {thresholds.gap:.2f}"
    if measured.confidence < thresholds.confidence:
        yield f"the mean score is {measured.confidence:.2f}, less than {thresholds.confidence:.2f}"


def praise(measured: Measured) -> str:
    """Say why a clip without faults is kept."""
    found = f"a body is found in {measured.found:.0%} of the frames"
    return f"{found}, with a mean score of {measured.confidence:.2f}"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a clip. why: one sentence; measured: None where the clip cannot be read."""

    kept: bool
    why: str
    measured: Measured | None = None


@dataclass(frozen=True)
class PoseFinder:
    """Finds the surest person of clips, and files their poses in `folder`: no clip is searched twice.

    Where nobody is found no points are guessed, unlike in the release, which takes the whole frame for a
    person then. detect_every: as for `PoseExtractor.extract`.
    """

    nets: DWPose
    folder: Path
    detect_every: int = 1

    def poses(self, clip: VideoInfo, progress: Progress = no_progress) -> PoseSequence:
        """Return the poses of all frames; raises InvalidInput for a clip that cannot be decoded."""
        asked = {"person": "best", "detect_every": self.detect_every, "whole_frame": False}
        key = key_of([digest_file(clip.path), *clip.conversion, *self.nets.contents], asked)
        return PoseCache(self.folder).cached(key, lambda: self._found(clip, progress))

    def _found(self, clip: VideoInfo, progress: Progress) -> PoseSequence:
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
    """Judge one clip; one that cannot be read is dropped with the reason."""
    try:
        info = probe(clip)
        measured = measure(finder.poses(info, progress), info.fps, thresholds.joints)
    except InvalidInput as error:
        return Verdict(False, str(error))
    wrong = list(faults(measured, thresholds))
    return Verdict(not wrong, "; ".join(wrong) or praise(measured), measured)


def write_report(
    path: Path, verdicts: Mapping[str, Verdict], names: Sequence[str], thresholds: Thresholds, nets: DWPose
) -> None:
    """Write the verdicts on clips as JSON; raises StorageError.

    names: of all clips; those without a verdict are listed as not screened yet.
    """
    report: dict[str, Any] = {
        "nets": nets.name,
        "thresholds": asdict(thresholds),
        "kept": [name for name, verdict in verdicts.items() if verdict.kept],
        "not_screened": [name for name in names if name not in verdicts],
        "clips": {name: asdict(verdict) for name, verdict in verdicts.items()},
    }
    write_json(path, report)
