"""Finding the part of a dance that loops best, or that turns best where it plays forward and back."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..errors import InvalidInput, warn
from ..pose.keypoints import PoseSequence
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_int
from .beats import Beats
from .seams import Floats, Track

LoopMode = Literal["cut", "ping-pong"]
MODES: tuple[LoopMode, ...] = get_args(LoopMode)

MIN_FRAMES = 8
POOR = {"cut": 1.5, "ping-pong": 1.0}  # mean steps, above which a seam is announced as visible
EQUAL = 0.1  # mean steps by which seams may differ and count as equally good: the longest loop wins
BEAT_WEIGHT = 2.0  # mean steps that one beat of distance from the beat costs
LIVELY = 0.5  # part of the clip's mean motion that a loop should have, so that standing still is no dance
STILL_WEIGHT = 4.0  # mean steps that a loop without any motion costs


@dataclass(frozen=True)
class LoopSettings:
    """What kind of loop to find.

    Attributes:
        mode: "cut" plays a part again and again; "ping-pong" plays it forward and back.
        min_frames: Fewest frames of the loop, counted with the way back.
        max_frames: Most frames of the loop; None for no limit.

    Raises:
        InvalidInput: A value is out of range.

    """

    mode: LoopMode = "cut"
    min_frames: int = MIN_FRAMES
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InvalidInput(f"The loop is {self.mode!r}, but it must be one of: {', '.join(MODES)}.")
        require_int("min_frames", self.min_frames, least=2)
        if self.max_frames is not None and self.max_frames < self.min_frames:
            raise InvalidInput(
                f"A loop of {self.min_frames} to {self.max_frames} frames is requested: use a maximum of at "
                f"least {self.min_frames}."
            )
        if self.mode == "ping-pong" and self.min_frames == self.max_frames and self.min_frames % 2:
            raise InvalidInput(
                f"A ping-pong of exactly {self.min_frames} frames is requested, but it has an even number: "
                f"use a maximum of {self.min_frames + 1}."
            )


@dataclass(frozen=True)
class Loop:
    """A part of a clip that loops.

    Attributes:
        mode: As in `LoopSettings`.
        start: Its first frame in the clip.
        stop: The frame after its last one.
        score: How visible the seam is, in units of the mean step between neighbouring frames: 0 is perfect.
            Of a ping-pong, the larger speed at its two turns.

    """

    mode: LoopMode
    start: int
    stop: int
    score: float

    @property
    def indices(self) -> list[int]:
        """The frames of the clip in the order of the loop; a way back repeats neither end."""
        forward = list(range(self.start, self.stop))
        return forward if self.mode == "cut" else forward + forward[-2:0:-1]

    def __len__(self) -> int:
        return len(self.indices)


def find_loop(
    poses: PoseSequence,
    settings: LoopSettings | None = None,
    beats: Beats | None = None,
    fps: float | None = None,
    progress: Progress = no_progress,
) -> Loop:
    """Find the best loop of a dance, with an AnimateXWarning if even that has a visible seam.

    A seam is judged by the distance of the poses and of their speeds on both sides of it. Of equally good
    ones, the longest loop is chosen.

    Args:
        poses: The dance.
        settings: None for the defaults.
        beats: Beats of its music; a loop preferably begins and ends on them.
        fps: Frames per second, needed with beats.
        progress: Called for each possible beginning; may raise to stop.

    Returns:
        The loop.

    Raises:
        InvalidInput: The clip is too short, or nobody is seen at both ends of any part.

    """
    settings = settings or LoopSettings()
    shortest, longest = _lengths(settings, len(poses))
    track = Track.of(poses)
    offsets = None if beats is None or not fps else _beat_offsets(beats, len(track), fps)
    search = _Search(track, settings.mode, shortest, longest, offsets)
    start, length = search.run(progress)
    loop = Loop(settings.mode, start, start + length, search.seam(start, length))
    if loop.score > POOR[loop.mode]:
        _warn_of_seam(loop)
    return loop


def _lengths(settings: LoopSettings, frames: int) -> tuple[int, int]:
    """Return the shortest and the longest part, in frames of the clip."""

    def part(length: int) -> int:
        return length if settings.mode == "cut" else length // 2 + 1

    shortest = part(settings.min_frames + (settings.mode == "ping-pong"))
    if frames < shortest:
        raise InvalidInput(
            f"The clip has {frames} frames, but a loop of {settings.min_frames} needs at least {shortest}: "
            "use a longer clip or a lower minimum."
        )
    most = frames if settings.max_frames is None else min(part(settings.max_frames), frames)
    return shortest, most


def _beat_offsets(beats: Beats, frames: int, fps: float) -> Floats:
    """Return how far each frame, and the one after the last, is from the beat, in beats."""
    return beats.offsets(np.arange(frames + 1) / fps).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Search:
    track: Track
    mode: LoopMode
    shortest: int
    longest: int
    offsets: Floats | None

    def run(self, progress: Progress) -> tuple[int, int]:
        """Return start and length of the best part."""
        frames = len(self.track)
        # The best start for each length is kept, rather than all pairs.
        costs, starts = np.full(frames + 1, np.inf, np.float32), np.zeros(frames + 1, int)
        last = frames - self.shortest
        for start in range(last + 1):
            found = self._costs(start)
            part = slice(self.shortest, self.shortest + len(found))
            better = found < costs[part]
            costs[part][better], starts[part][better] = found[better], start
            progress(start + 1, last + 1)
        if not np.isfinite(costs).any():
            raise InvalidInput(
                "No part of the clip shows somebody at its beginning and its end: use a clip in which poses "
                "are detected."
            )
        length = int(np.flatnonzero(costs <= costs.min() + EQUAL)[-1])
        return int(starts[length]), length

    def seam(self, start: int, length: int) -> float:
        """Return the score of a part."""
        return float(self._seams(start)[length - self.shortest])

    def _costs(self, start: int) -> Floats:
        seams = self._seams(start)
        lengths = self.shortest + np.arange(len(seams))
        way = self.track.travelled
        moved = (way[start + lengths - 1] - way[start]) / (lengths - 1) / self.track.mean_step
        still = STILL_WEIGHT * np.maximum(0, 1 - moved / LIVELY)
        if self.offsets is None:
            return seams + still
        ends = start + lengths - (self.mode == "ping-pong")  # it turns on the beat; a cut begins anew there
        return seams + still + BEAT_WEIGHT * (self.offsets[start] + self.offsets[ends])

    def _seams(self, start: int) -> Floats:
        """Return how visible the seam is of every part that begins here, from the shortest one on."""
        first = start + self.shortest
        stop = min(start + self.longest, len(self.track)) + 1
        if self.mode == "cut":
            return self.track.seams(start, slice(first, stop))
        speed = self.track.speed  # where a dance turns back it jumps by twice its speed
        return np.maximum(speed[start], speed[first - 1 : stop - 1])


def _warn_of_seam(loop: Loop) -> None:
    what = "the pose changes there" if loop.mode == "cut" else "the dance turns back in full motion"
    warn(
        f"The best loop, frames {loop.start} to {loop.stop - 1}, has a visible seam: {what}, by "
        f"{loop.score:.1f} times the mean step between frames; use a longer clip or allow other lengths.",
        stacklevel=3,
    )
