"""DWPose: detects the poses of one person in a video with a person detector and a pose model."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import InvalidInput
from ..utils.progress import Progress, batched, no_progress, prefetch
from ..utils.validation import require_int
from .clothing import sample_colors
from .detector import SIGNATURE as DETECTOR_FORM
from .detector import decode_people, letterbox, letterbox_ratio
from .estimator import SIGNATURE as LANDMARKS_FORM
from .estimator import Region, crop, decode_points
from .keypoints import POINTS, PoseSequence, poses_from_133
from .onnx_model import open_model, warn_of_cpu_fallback
from .people import people_sequences
from .people_regions import PeopleRegions
from .person import PersonRule
from .person_region import People, PersonRegionTracker
from .providers import CPU


class PoseModel(Protocol):
    """A model that is ready to run."""

    @property
    def takes_batches(self) -> bool:
        """Whether it accepts several images at once."""
        ...

    @property
    def provider(self) -> str:
        """Where it runs: CUDA, DirectML, CoreML or CPU."""
        ...

    def run(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one or more images (c, h, w) float32; each output is stacked over the images."""
        ...


# A frame and, where people are detected in it, the detector's input or the people found.
FrameInput = tuple[np.ndarray, np.ndarray | None]
FrameDetections = tuple[np.ndarray, People | None]
PREFETCH = 2  # frames that a stage may run ahead of the next
GPU_BATCH_SIZE = 4  # on a GPU; on a CPU, batching was measured to bring nothing
PASSING = 2  # frames: who is found in no more of them is a false detection, if others are found in more
NO_FRAMES = "There are no frames: give an image or a video with at least one frame."
NOBODY = np.zeros((0, POINTS, 3), np.float32)


class PoseExtractor:
    """Detects poses with DWPose's two models.

    Args:
        detector: The person detector.
        landmarks: The pose model.
        batch: Number of frames per run, for models that accept batches.

    """

    def __init__(self, detector: PoseModel, landmarks: PoseModel, batch: int = 1) -> None:
        self._detector, self._landmarks, self._most = detector, landmarks, batch

    @classmethod
    def from_files(cls, detector: Path, landmarks: Path, device: str = "auto") -> "PoseExtractor":
        """Open yolox_l.onnx and dw-ll_ucoco_384.onnx.

        An AnimateXWarning says if the installation makes the models run on the CPU although a GPU was
        expected.

        Args:
            detector: Path of the person detector.
            landmarks: Path of the pose model.
            device: auto, cuda, directml, coreml or cpu; auto uses the first of these that works.

        Raises:
            CheckpointError: A file is missing, damaged or of another model (or a subclass).
            MissingDependency: onnxruntime is not installed.
            InvalidInput: The device is unknown.

        """
        models = open_model(detector, DETECTOR_FORM, device), open_model(landmarks, LANDMARKS_FORM, device)
        warn_of_cpu_fallback(device, models[0])
        return cls(*models, batch=1 if models[0].provider == CPU.label else GPU_BATCH_SIZE)

    @property
    def provider(self) -> str:
        """Where the models actually run, for display: CUDA, DirectML, CoreML or CPU."""
        return " and ".join(dict.fromkeys(model.provider for model in (self._detector, self._landmarks)))

    def extract(
        self,
        frames: Iterable[np.ndarray],
        *,
        fps: float | None = None,
        total: int | None = None,
        person: PersonRule = "best",
        detect_every: int = 1,
        whole_frame: bool = True,
        progress: Progress = no_progress,
    ) -> PoseSequence:
        """Detect the poses of one person.

        Args:
            frames: (h, w, 3) uint8 in RGB, all of one size. They are read ahead in another thread, so each
                must be an array of its own. A generator is always closed at the end.
            fps: Frame rate; None if unknown.
            total: Number of frames, passed to `progress`; None if unknown.
            person: Which person to choose if there are several.
            detect_every: 1 detects people in every frame (the official behaviour). n does so in every n-th
                frame and follows the person's keypoints in between, which is faster.
            whole_frame: Treat a frame in which nobody is detected as one person (the official behaviour). If
                False, its points are missing.
            progress: Called with the number of frames done and the total (0 if unknown). An exception it
                raises stops the work at once.

        Returns:
            One pose per frame.

        Raises:
            InvalidInput: There are no frames, a frame has another shape or dtype, or the chosen person is in
                none of them.

        """
        require_int("detect_every", detect_every)
        tracker = PersonRegionTracker(person, whole_frame)
        batch = 1 if detect_every > 1 else self._batch(self._landmarks)
        poses: list[np.ndarray] = []
        with self._detections(frames, detect_every) as found:
            for chunk in batched(found, batch):
                poses.extend(self._poses(chunk, tracker))
                progress(len(poses), total or 0)
                height, width = chunk[-1][0].shape[:2]
        if not poses:
            raise InvalidInput(NO_FRAMES)
        tracker.require_found()
        return PoseSequence.from_points(np.stack(poses), width, height, fps)

    def extract_people(
        self,
        frames: Iterable[np.ndarray],
        *,
        fps: float | None = None,
        total: int | None = None,
        detect_every: int = 1,
        whole_frame: bool = True,
        progress: Progress = no_progress,
    ) -> tuple[PoseSequence, ...]:
        """Detect the poses of all people in the frames of a video, and follow each of them.

        The arguments and errors are those of `extract`, except that `whole_frame` only counts if nobody is
        detected in any frame.

        Returns:
            One sequence per person, of all frames, in the order in which they appear. Frames that do not show
            a person have no visible point. If nobody is found, there is one sequence without any.

        """
        require_int("detect_every", detect_every)
        regions, most = PeopleRegions(whole_frame), self._batch(self._landmarks)
        people: list[np.ndarray] = []
        colors: list[np.ndarray] = []
        with self._detections(frames, detect_every) as found:
            for frame, detected in found:
                height, width = frame.shape[:2]
                where = [(frame, region) for region in regions.next(detected, width, height)]
                chunks = [self._points(part, width, height) for part in batched(where, most)]
                people.append(regions.update(np.concatenate([NOBODY, *chunks]), width, height))
                colors.append(sample_colors(frame, people[-1]))
                progress(len(people), total or 0)
        if not people:
            raise InvalidInput(NO_FRAMES)
        people, colors = regions.without_guesses(people), regions.without_guesses(colors)
        passing = min(PASSING, len(people) - 1)
        return people_sequences(people, width, height, fps, colors=colors, passing=passing)

    @contextmanager
    def _detections(
        self, frames: Iterable[np.ndarray], detect_every: int
    ) -> Iterator[Iterator[FrameDetections]]:
        """Provide the frames with what the detector finds in them; both run ahead in threads."""
        with ExitStack() as stack:
            if isinstance(frames, Generator):
                stack.enter_context(closing(frames))  # ends the decoder if extraction stops early
            read = stack.enter_context(closing(prefetch(_read(frames, detect_every), PREFETCH)))
            yield stack.enter_context(closing(prefetch(self._detect(read), PREFETCH)))

    def _detect(self, frames: Iterable[FrameInput]) -> Iterator[FrameDetections]:
        """Detect all people in the frames that come with a detector input."""
        for batch in batched(frames, self._batch(self._detector)):
            images = [image for _, image in batch if image is not None]
            outputs = iter(self._detector.run(images)[0] if images else ())
            for frame, image in batch:
                ratio = letterbox_ratio(*frame.shape[:2])
                people = None if image is None else People(*decode_people(next(outputs), ratio))
                yield frame, people

    def _poses(self, frames: list[FrameDetections], tracker: PersonRegionTracker) -> np.ndarray:
        """Return the points (n, 130, 3) of consecutive frames."""
        height, width = frames[0][0].shape[:2]
        regions = [
            tracker.undetected() if people is None else tracker.detected(people, width, height)
            for _, people in frames
        ]
        poses = np.zeros((len(frames), POINTS, 3), np.float32)
        where = [
            (frame, region) for (frame, _), region in zip(frames, regions, strict=True) if region is not None
        ]
        if where:
            poses[[region is not None for region in regions]] = self._points(where, width, height)
        tracker.update(poses[-1], width, height)
        return poses

    def _points(self, where: list[tuple[np.ndarray, Region]], width: int, height: int) -> np.ndarray:
        """Return the points (n, 130, 3) of regions of frames."""
        outputs = self._landmarks.run([crop(frame, region) for frame, region in where])
        decoded = [decode_points(x, y, region) for x, y, (_, region) in zip(*outputs, where, strict=True)]
        points, scores = map(np.stack, zip(*decoded, strict=True))
        return poses_from_133(points, scores, width, height)

    def _batch(self, model: PoseModel) -> int:
        return self._most if model.takes_batches else 1


def _read(frames: Iterable[np.ndarray], detect_every: int) -> Iterator[FrameInput]:
    """Check the frames, and prepare the detector's input for every n-th."""
    size = None
    for index, frame in enumerate(frames):
        size = size or frame.shape
        _require_frame(index, frame, size)
        yield frame, None if index % detect_every else letterbox(frame)


def _require_frame(index: int, frame: np.ndarray, size: tuple[int, ...]) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or frame.size == 0:
        raise InvalidInput(
            f"frame {index} is {frame.dtype} of shape {frame.shape}, but it must be uint8 (h, w, 3) in RGB: "
            "convert it."
        )
    if frame.shape != size:
        raise InvalidInput(
            f"frame {index} is {frame.shape[1]} x {frame.shape[0]} pixels, but those before it are "
            f"{size[1]} x {size[0]}: give frames of one size."
        )
