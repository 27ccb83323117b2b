"""Which clips of a folder show somebody whose pose is found confidently through the clip."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...dwpose import DWPose
from ...errors import InvalidInput
from ...placement import place_json
from ...pose.cache import PoseCache, digest_file, key_of
from ...pose.extract import PoseExtractor
from ...pose.skeleton import PoseSequence
from ...progress import Progress, no_progress
from ...video.clip import ClipInfo, probe
from ...video.read import read_frames
from .confidence import Measured, Thresholds, faults, measure, praise


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

    def poses(self, clip: ClipInfo, progress: Progress = no_progress) -> PoseSequence:
        """Return the poses of all frames; raises InvalidInput for a clip that cannot be decoded."""
        asked = {"person": "best", "detect_every": self.detect_every, "whole_frame": False}
        key = key_of([digest_file(clip.path), *clip.conversion, *self.nets.contents], asked)
        return PoseCache(self.folder).cached(key, lambda: self._found(clip, progress))

    def _found(self, clip: ClipInfo, progress: Progress) -> PoseSequence:
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
    place_json(path, report)
