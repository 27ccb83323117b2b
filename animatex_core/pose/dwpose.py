"""DWPose front end: selects the model files, opens them on demand, and caches the detected poses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..checkpoints.safe_load import open_tensors
from ..checkpoints.validation import load_strictly
from ..errors import MissingDependency
from ..hub.bundled import BUNDLED_MODELS, SmallBundle
from ..hub.models_dir import ModelsDir
from ..utils.progress import Progress, no_progress
from .cache import PoseCache, cache_key, digest_file
from .detector import SIGNATURE as DETECTOR_FORM
from .estimator import SIGNATURE as LANDMARKS_FORM
from .extractor import PoseExtractor, PoseModel
from .keypoints import PoseSequence, seen
from .onnx_model import ModelSignature, open_model
from .person import PersonRule
from .torch_models import SmallDWPose, TorchModel

T = TypeVar("T")


@dataclass(frozen=True)
class FrameSource:
    """Frames to detect poses in.

    Attributes:
        content: A digest that changes with the frames.
        read: Returns the frames, (h, w, 3) uint8 in RGB, from the first one on at each call.
        total: Number of frames; None if unknown.
        fps: Frame rate; None if unknown.

    """

    content: str
    read: Callable[[], Iterable[np.ndarray]]
    total: int | None = None
    fps: float | None = None


@dataclass(frozen=True)
class DWPose:
    """A person detector and a pose model.

    Attributes:
        detector: ONNX file of DWPose's detector; None uses the small built-in model.
        landmarks: ONNX file of DWPose's pose model; None uses the small built-in model.
        device: Where ONNX files run: auto, cuda, directml, coreml or cpu.
        small: Files of the built-in models, which run on PyTorch if onnxruntime is not installed.

    """

    detector: Path | None = None
    landmarks: Path | None = None
    device: str = "auto"
    small: SmallBundle = BUNDLED_MODELS

    @classmethod
    def find(cls, folder: ModelsDir, device: str = "auto") -> "DWPose":
        """Return the models in a models directory, or the small ones unless both files are there."""
        detector, landmarks = folder.find_pose_files() or (None, None)
        return cls(detector, landmarks, device)

    @property
    def name(self) -> str:
        """How messages and reports call the models."""
        if self.detector and self.landmarks:
            return "DWPose"
        return "DWPose and a small net" if self.detector or self.landmarks else "the small nets"

    def open(self) -> PoseExtractor:
        """Open the models. Their memory, including that on a GPU, is freed with the extractor.

        Raises:
            CheckpointError: As for `PoseExtractor.from_files`, like its other errors and warnings.

        """
        if self.detector and self.landmarks:
            return PoseExtractor.from_files(self.detector, self.landmarks, self.device)
        return PoseExtractor(self._detector(), self._landmarks())

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """Digests of both model files; raises InvalidInput if one cannot be read."""
        files = self.detector or self.small.detector, self.landmarks or self.small.landmarks
        return tuple(digest_file(file) for file in files)

    def _detector(self) -> PoseModel:
        if self.detector is not None:
            return open_model(self.detector, DETECTOR_FORM, self.device)
        return self._small_onnx(self.small.detector, DETECTOR_FORM) or TorchModel(self._torch_models.detector)

    def _landmarks(self) -> PoseModel:
        if self.landmarks is not None:
            return open_model(self.landmarks, LANDMARKS_FORM, self.device)
        return self._small_onnx(self.small.landmarks, LANDMARKS_FORM) or TorchModel(
            self._torch_models.landmarks
        )

    def _small_onnx(self, path: Path, form: ModelSignature) -> PoseModel | None:
        try:
            return open_model(path, form, self.device)
        except MissingDependency:
            return None

    @cached_property
    def _torch_models(self) -> SmallDWPose:
        return load_small_models(self.small.pose_nets)


@dataclass(frozen=True)
class DetectedPoses:
    """Detected poses.

    Attributes:
        poses: The poses.
        how: How they were obtained, in words.

    """

    poses: PoseSequence
    how: str

    @property
    def sentence(self) -> str:
        """A summary for the user."""
        shown = int(seen(self.poses.body).any(axis=1).sum())
        where = f"of {len(self.poses)} frames, {self.how}"
        if shown:
            return f"A person was found in {shown} {where}."
        return (
            f"No person was found in any {where}: use frames with a whole person, or a mask of a character."
        )


def find_poses(
    dwpose: DWPose,
    frames: FrameSource,
    cache: PoseCache,
    *,
    person: PersonRule = "best",
    detect_every: int = 1,
    whole_frame: bool = True,
    progress: Progress = no_progress,
) -> DetectedPoses:
    """Detect the poses of one person, or return them from the cache. Models are opened only if needed.

    Args:
        dwpose: The models.
        frames: The frames to search.
        cache: Where poses are stored.
        person: As for `PoseExtractor.extract`.
        detect_every: As for `PoseExtractor.extract`.
        whole_frame: As for `PoseExtractor.extract`.
        progress: As for `PoseExtractor.extract`.

    Raises:
        InvalidInput: As for `PoseExtractor.extract`.

    """
    settings = {"person": person, "detect_every": detect_every, "whole_frame": whole_frame}

    def detect(extractor: PoseExtractor) -> PoseSequence:
        return extractor.extract(
            frames.read(),
            fps=frames.fps,
            total=frames.total,
            person=person,
            detect_every=detect_every,
            whole_frame=whole_frame,
            progress=progress,
        )

    key = cache_key([frames.content, *dwpose.contents], settings)
    poses, how = load_or_detect(dwpose, key, cache.get, cache.put, detect)
    return DetectedPoses(poses.with_fps(frames.fps), how)


def load_or_detect(
    dwpose: DWPose,
    key: str,
    load: Callable[[str], T | None],
    store: Callable[[str, T], object],
    detect: Callable[[PoseExtractor], T],
) -> tuple[T, str]:
    """Return what is stored under a key of a cache, or detect and store it.

    Args:
        dwpose: The models; opened only if needed.
        key: From `cache_key`.
        load: Returns what is stored under a key, None for nothing.
        store: Stores something under a key.
        detect: Runs the models.

    Returns:
        What was found, and how it was obtained, in words.

    """
    known = load(key)
    if known is not None:
        return known, "loaded from the cache"
    extractor = dwpose.open()
    found = detect(extractor)
    store(key, found)
    return found, f"detected by {dwpose.name} on {extractor.provider}"


def load_small_models(path: Path) -> SmallDWPose:
    """Load the small models on PyTorch; raises CheckpointError or a subclass."""
    return load_strictly(SmallDWPose(), open_tensors(path), "the small pose models", str(path))
