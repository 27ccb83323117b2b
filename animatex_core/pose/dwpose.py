"""DWPose as a user chooses it: which nets, opened when they are first needed, and what they found before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..checkpoints.safe_load import open_tensors
from ..checkpoints.validation import load_strictly
from ..errors import MissingDependency
from ..hub.bundled import SHIPPED, SmallBundle
from ..utils.progress import Progress, no_progress
from .cache import PoseCache, digest_file, key_of
from .detector import FORM as DETECTOR_FORM
from .estimator import FORM as LANDMARKS_FORM
from .extractor import PoseExtractor, PoseNet
from .keypoints import PoseSequence, seen
from .onnx_model import ModelSignature, open_model
from .person import PersonRule
from .torch_models import SmallDWPose, TorchNet


@dataclass(frozen=True)
class FrameSource:
    """The frames in which poses are looked for.

    content: a digest that changes with the frames. read: gives them, (h, w, 3) uint8 in RGB, each time from
    the first one on. total: how many, None if unknown; fps: None if unknown.
    """

    content: str
    read: Callable[[], Iterable[np.ndarray]]
    total: int | None = None
    fps: float | None = None


@dataclass(frozen=True)
class DWPose:
    """A pair of nets. detector, landmarks: ONNX files of DWPose, None for the small built-in net.

    device: where ONNX files run, auto, cuda, directml, coreml or cpu. small: files of the built-in nets,
    which run on torch without onnxruntime.
    """

    detector: Path | None = None
    landmarks: Path | None = None
    device: str = "auto"
    small: SmallBundle = SHIPPED

    @property
    def name(self) -> str:
        """What to call the nets."""
        if self.detector and self.landmarks:
            return "DWPose"
        return "DWPose and a small net" if self.detector or self.landmarks else "the small nets"

    def open(self) -> PoseExtractor:
        """Open the nets, whose memory, on a graphics card too, is held until the extractor is let go.

        Raises and warns as `PoseExtractor.from_files`.
        """
        if self.detector and self.landmarks:
            return PoseExtractor.from_files(self.detector, self.landmarks, self.device)
        return PoseExtractor(self._detector(), self._landmarks())

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """Digests of the nets; raises InvalidInput for a file that cannot be read."""
        files = self.detector or self.small.detector, self.landmarks or self.small.landmarks
        return tuple(digest_file(file) for file in files)

    def _detector(self) -> PoseNet:
        if self.detector is not None:
            return open_model(self.detector, DETECTOR_FORM, self.device)
        return self._small_onnx(self.small.detector, DETECTOR_FORM) or TorchNet(self._twins.detector)

    def _landmarks(self) -> PoseNet:
        if self.landmarks is not None:
            return open_model(self.landmarks, LANDMARKS_FORM, self.device)
        return self._small_onnx(self.small.landmarks, LANDMARKS_FORM) or TorchNet(self._twins.landmarks)

    def _small_onnx(self, path: Path, form: ModelSignature) -> PoseNet | None:
        try:
            return open_model(path, form, self.device)
        except MissingDependency:
            return None

    @cached_property
    def _twins(self) -> SmallDWPose:
        return load_pose_nets(self.small.pose_nets)


@dataclass(frozen=True)
class DetectedPoses:
    """Poses, and in words how they were looked for."""

    poses: PoseSequence
    how: str

    @property
    def sentence(self) -> str:
        """What a user should know of them."""
        shown = int(seen(self.poses.body).any(axis=1).sum())
        where = f"of {len(self.poses)} frames, {self.how}"
        if shown:
            return f"Somebody is seen in {shown} {where}."
        return f"Nobody is seen in any {where}: give frames of a whole person, or a mask of a character."


def find_poses(
    dwpose: DWPose,
    shots: FrameSource,
    cache: PoseCache,
    *,
    person: PersonRule = "best",
    detect_every: int = 1,
    whole_frame: bool = True,
    progress: Progress = no_progress,
) -> DetectedPoses:
    """Find the poses of one person, or remember them; the nets are opened for the search alone.

    Arguments and errors as for `PoseExtractor.extract`.
    """
    asked = {"person": person, "detect_every": detect_every, "whole_frame": whole_frame}
    key = key_of([shots.content, *dwpose.contents], asked)
    known = cache.get(key)
    if known is not None:
        return DetectedPoses(known.with_fps(shots.fps), "searched earlier")
    extractor = dwpose.open()
    poses = extractor.extract(
        shots.read(),
        fps=shots.fps,
        total=shots.total,
        person=person,
        detect_every=detect_every,
        whole_frame=whole_frame,
        progress=progress,
    )
    cache.put(key, poses)
    return DetectedPoses(poses, f"searched by {dwpose.name} on {extractor.provider}")


def load_pose_nets(path: Path) -> SmallDWPose:
    """Load the small nets on torch; raises CheckpointError and its kinds."""
    return load_strictly(SmallDWPose(), open_tensors(path), "the small pose nets", str(path))
