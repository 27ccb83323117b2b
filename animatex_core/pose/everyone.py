"""DWPose's front end for all people of a video, as `dwpose` is for one of them."""

from dataclasses import dataclass

from ..utils.progress import Progress, no_progress
from .cache import PoseCache, cache_key
from .dwpose import DetectedPoses, DWPose, FrameSource, load_or_detect
from .extractor import PoseExtractor
from .keypoints import PoseSequence, seen

TRACKING = 1  # raise it when the same detections give other people


@dataclass(frozen=True)
class DetectedPeople:
    """Detected poses of all people.

    Attributes:
        people: The poses of each, of all frames.
        how: How they were obtained, in words.

    """

    people: tuple[PoseSequence, ...]
    how: str

    @property
    def sentence(self) -> str:
        """A summary for the user."""
        if len(self.people) == 1:
            return DetectedPoses(self.people[0], self.how).sentence
        shown = [int(seen(poses.body).any(axis=1).sum()) for poses in self.people]
        each = ", ".join(f"person {number} in {count}" for number, count in enumerate(shown))
        return f"{len(self.people)} people were found in {len(self.people[0])} frames, {self.how}: {each}."


def find_people(
    dwpose: DWPose,
    frames: FrameSource,
    cache: PoseCache,
    *,
    detect_every: int = 1,
    whole_frame: bool = True,
    progress: Progress = no_progress,
) -> DetectedPeople:
    """Detect the poses of all people, or return them from the cache.

    Args:
        dwpose: The models.
        frames: The frames to search.
        cache: Where poses are stored.
        detect_every: As for `PoseExtractor.extract_people`.
        whole_frame: As for `PoseExtractor.extract_people`.
        progress: As for `PoseExtractor.extract_people`.

    Raises:
        InvalidInput: As for `PoseExtractor.extract_people`.

    """
    settings = {"people": TRACKING, "detect_every": detect_every, "whole_frame": whole_frame}

    def detect(extractor: PoseExtractor) -> tuple[PoseSequence, ...]:
        return extractor.extract_people(
            frames.read(),
            fps=frames.fps,
            total=frames.total,
            detect_every=detect_every,
            whole_frame=whole_frame,
            progress=progress,
        )

    key = cache_key([frames.content, *dwpose.contents], settings)
    people, how = load_or_detect(dwpose, key, cache.get_people, cache.put_people, detect)
    return DetectedPeople(tuple(poses.with_fps(frames.fps) for poses in people), how)
