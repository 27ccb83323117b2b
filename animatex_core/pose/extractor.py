"""DWPose: the poses of one person in a video, found by a person detector and a pose estimator."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import InvalidInput
from ..utils.iteration import batched, prefetch
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_int
from .detector import FORM as DETECTOR_FORM
from .detector import decode_people, letterbox, letterbox_ratio
from .estimator import FORM as LANDMARKS_FORM
from .estimator import Region, crop, decode_points, region_of
from .keypoints import BODY, POINTS, PoseSequence, poses_from_133, seen
from .onnx_model import open_model, warn_of_installation
from .person import PersonRule, PersonTracker, require_chosen
from .providers import CPU


class PoseNet(Protocol):
    """A net that is ready to run."""

    @property
    def takes_batches(self) -> bool:
        """Whether it takes several pictures at once."""
        ...

    @property
    def provider(self) -> str:
        """What it works on, as users call it: CUDA, DirectML, CoreML or CPU."""
        ...

    def run(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one or more pictures (c, h, w) float32; each output is stacked over the pictures."""
        ...


ENOUGH = 6  # body points that must be seen for a box to be made of points
GROWTH = 1.2  # of the box of the seen points, which lie inside the person's outline


@dataclass(frozen=True)
class People:
    """Everybody found in a frame: boxes (n, 4) in pixels (left, top, right, bottom), scores (n,)."""

    boxes: np.ndarray
    scores: np.ndarray


class PersonRegionTracker:
    """Follows one person through a clip whose frames come in order."""

    def __init__(self, person: PersonRule, whole_frame: bool = True) -> None:
        """whole_frame: take the whole frame for the person where nobody is found, as released."""
        self._tracker = PersonTracker(person)
        self._whole_frame = whole_frame
        self._box: np.ndarray | None = None
        self._was_found = False
        self._most_people = 0

    def detected(self, people: People, width: int, height: int) -> Region | None:
        """Return where the person is in a frame with a detection, None where they are not in it."""
        chosen = self._tracker.choose(people.boxes, people.scores)
        self._most_people = max(self._most_people, len(people.boxes))
        if chosen is not None:
            self._box, self._was_found = people.boxes[chosen], True
        elif self._whole_frame and len(people.boxes) == 0 and not self._tracker.following:
            self._box = np.array([0, 0, width, height], np.float32)
        else:
            self._box = None
        return self.undetected()

    def undetected(self) -> Region | None:
        """Return where the person is in a frame without a detection: where they were last."""
        return None if self._box is None else region_of(self._box)

    def update(self, points: np.ndarray, width: int, height: int) -> None:
        """Learn from the points (130, 3) of the latest frame, as those of PoseSequence, where they are."""
        if seen(points[BODY]).sum() < ENOUGH:
            return
        places = points[seen(points), :2] * (width, height)
        low, high = places.min(axis=0), places.max(axis=0)
        centre, half = (low + high) / 2, (high - low) / 2 * GROWTH
        self._box = np.concatenate([centre - half, centre + half])

    def require_found(self) -> None:
        """Raise InvalidInput where no frame of the clip showed the person asked for."""
        require_chosen(self._tracker.rule, self._most_people, self._was_found, "the clip")


# A frame, and what comes with it where people are looked for in it: the detector's picture, then the people.
Unsearched = tuple[np.ndarray, np.ndarray | None]
Searched = tuple[np.ndarray, People | None]
AHEAD = 2  # frames that a stage may be before the next
BATCH = 4  # on a graphics card; measured on a CPU, a frame takes as long in a batch as alone


class PoseExtractor:
    """Finds poses with DWPose's two nets. batch: how many frames a net is given at once where it can be."""

    def __init__(self, detector: PoseNet, landmarks: PoseNet, batch: int = 1) -> None:
        self._detector, self._landmarks, self._most = detector, landmarks, batch

    @classmethod
    def from_files(cls, detector: Path, landmarks: Path, device: str = "auto") -> "PoseExtractor":
        """Open yolox_l.onnx and dw-ll_ucoco_384.onnx on auto, cuda, directml, coreml or cpu.

        auto takes the first of these that works. An AnimateXWarning says so where an installation leaves the
        work to the CPU. Raises CheckpointError and its kinds for files that are missing, damaged or of
        another net, MissingDependency without onnxruntime, and InvalidInput for another device.
        """
        nets = open_model(detector, DETECTOR_FORM, device), open_model(landmarks, LANDMARKS_FORM, device)
        warn_of_installation(device, nets[0])
        return cls(*nets, batch=1 if nets[0].provider == CPU.label else BATCH)

    @property
    def provider(self) -> str:
        """What the nets really work on, to be shown to the user: CUDA, DirectML, CoreML or CPU."""
        return " and ".join(dict.fromkeys(net.provider for net in (self._detector, self._landmarks)))

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
        """Find the poses of one person in frames (h, w, 3) uint8 in RGB, all of one size.

        The frames are taken in another thread, a few ahead; each must be an array of its own. A generator of
        frames is closed at the end, however that comes.
        fps: of the frames, None if unknown. total: how many frames will come, only told to `progress`, which
        is called with the frames done and this total (0 if unknown); what it raises stops the work at once.
        person: who, where there are several. detect_every: 1 looks for people in every frame, as released;
        n does so in every n-th, and follows the person's points in between, which is faster.
        whole_frame: whether, as released, a frame in which nobody is found is taken for a person as a whole;
        otherwise its points stay missing.
        Raises InvalidInput for no frames, frames of other forms, and a person who is in none of them.
        """
        require_int("detect_every", detect_every)
        whereabouts = PersonRegionTracker(person, whole_frame)
        batch = 1 if detect_every > 1 else self._batch(self._landmarks)
        poses: list[np.ndarray] = []
        with ExitStack() as stack:
            if isinstance(frames, Generator):
                stack.enter_context(closing(frames))  # stopped early, a decoder is not left waiting
            read = stack.enter_context(closing(prefetch(_read(frames, detect_every), AHEAD)))
            found = stack.enter_context(closing(prefetch(self._detect(read), AHEAD)))
            for shots in batched(found, batch):
                poses.extend(self._poses(shots, whereabouts))
                progress(len(poses), total or 0)
                height, width = shots[-1][0].shape[:2]
        if not poses:
            raise InvalidInput("frames is empty: give a clip or a picture, one frame or more.")
        whereabouts.require_found()
        return PoseSequence.from_points(np.stack(poses), width, height, fps)

    def _detect(self, shots: Iterable[Unsearched]) -> Iterator[Searched]:
        """Find everybody in the frames that come with the detector's picture."""
        for batch in batched(shots, self._batch(self._detector)):
            pictures = [picture for _, picture in batch if picture is not None]
            outputs = iter(self._detector.run(pictures)[0] if pictures else ())
            for frame, picture in batch:
                ratio = letterbox_ratio(*frame.shape[:2])
                people = None if picture is None else People(*decode_people(next(outputs), ratio))
                yield frame, people

    def _poses(self, shots: list[Searched], whereabouts: PersonRegionTracker) -> np.ndarray:
        """Return the points (n, 130, 3) of consecutive frames."""
        height, width = shots[0][0].shape[:2]
        regions = [
            whereabouts.undetected() if people is None else whereabouts.detected(people, width, height)
            for _, people in shots
        ]
        poses = np.zeros((len(shots), POINTS, 3), np.float32)
        where = [(shot[0], region) for shot, region in zip(shots, regions, strict=True) if region is not None]
        if where:
            poses[[region is not None for region in regions]] = self._points(where, width, height)
        whereabouts.update(poses[-1], width, height)
        return poses

    def _points(self, where: list[tuple[np.ndarray, Region]], width: int, height: int) -> np.ndarray:
        """Return the points (n, 130, 3) in regions of frames."""
        outputs = self._landmarks.run([crop(frame, region) for frame, region in where])
        decoded = [decode_points(x, y, region) for x, y, (_, region) in zip(*outputs, where, strict=True)]
        points, scores = map(np.stack, zip(*decoded, strict=True))
        return poses_from_133(points, scores, width, height)

    def _batch(self, net: PoseNet) -> int:
        return self._most if net.takes_batches else 1


def _read(frames: Iterable[np.ndarray], detect_every: int) -> Iterator[Unsearched]:
    """Check frames, and make the detector's picture of every n-th."""
    size = None
    for index, frame in enumerate(frames):
        size = size or frame.shape
        _require_frame(index, frame, size)
        yield frame, None if index % detect_every else letterbox(frame)


def _require_frame(index: int, frame: np.ndarray, size: tuple[int, ...]) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or frame.size == 0:
        raise InvalidInput(
            f"frame {index} is {frame.dtype} of shape {frame.shape}, but it must be uint8 (h, w, 3) in RGB."
        )
    if frame.shape != size:
        raise InvalidInput(
            f"frame {index} is {frame.shape[1]} x {frame.shape[0]} pixels, but those before it are "
            f"{size[1]} x {size[0]}: give frames of one size."
        )
