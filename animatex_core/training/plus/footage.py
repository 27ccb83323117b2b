"""A clip that is to be prepared for Wan, what is known of it, and its caption beside it."""

from dataclasses import dataclass

from ...dance import Dance
from ...errors import InvalidInput
from ...plain_files import read_text
from ...plus.prompts import TYPICAL_PROMPT
from ...pose.skeleton import PoseSequence
from ...video.clip import ClipInfo, count_frames, probe
from ..data.segments import person_segments
from ..data.sources import Source

CAPTIONS = ".txt"


@dataclass(frozen=True)
class Footage:
    """A clip, a caption, and poses of all its frames, or None in the TI2V task, where nobody need be seen."""

    clip: ClipInfo
    caption: str
    length: int
    poses: PoseSequence | None = None

    @classmethod
    def of_dance(cls, dance: Dance) -> "Footage":
        """Take all frames of a dance; they all say the same, as the released prompts begin."""
        return cls(dance.clip, TYPICAL_PROMPT, len(dance.poses), dance.poses)

    @classmethod
    def captioned(cls, source: Source) -> "Footage":
        """Read a clip with the caption beside it; raises InvalidInput where one of them cannot be read."""
        caption, clip = read_caption(source), probe(source.path)
        return cls(clip, caption, count_frames(clip))

    def windows(self, frames: int, stride: int) -> list[range]:
        """Choose one frame in `stride`, and cut as many parts of exactly `frames` as there are.

        A dance is cut where it shows a person. What is left at the end of a run is left out. Raises
        InvalidInput where nothing is long enough.
        """
        return [
            run[start : start + frames]
            for run in self._runs(frames, stride)
            for start in range(0, len(run) - frames + 1, frames)
        ]

    def _runs(self, frames: int, stride: int) -> list[range]:
        if self.poses is not None:
            return person_segments(self.poses, stride, frames, most=self.length, option="--frames")
        whole = range(0, self.length, stride)
        if len(whole) < frames:
            raise InvalidInput(
                f"The clip has {len(whole)} frames at a stride of {stride}, but {frames} are needed: give a "
                "longer clip, or lower --frames."
            )
        return [whole]


def read_caption(source: Source) -> str:
    """Return the text in NAME.txt beside a clip; raises InvalidInput for none."""
    path = source.beside(CAPTIONS)
    try:
        caption = read_text(path).strip()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The caption {path.name} cannot be read ({error}): put one beside the clip, in UTF-8."
        ) from error
    if not caption:
        raise InvalidInput(f"The caption {path.name} is empty: write what the clip shows and what moves.")
    return caption
