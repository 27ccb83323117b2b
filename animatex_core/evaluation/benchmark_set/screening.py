"""Screening of videos: keeps those in which the pose of a character is detected reliably."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...pose.cache import PoseCache, cache_key, digest_file
from ...pose.dwpose import DWPose
from ...pose.extractor import PoseExtractor
from ...pose.keypoints import PoseSequence
from ...utils.files import write_json
from ...utils.progress import Progress, no_progress
from ...video.info import VideoInfo, probe
from ...video.reader import read_frames
from .thresholds import Thresholds, VideoQuality, acceptance_reason, measure, rejection_reasons


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
