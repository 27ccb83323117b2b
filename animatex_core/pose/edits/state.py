"""What was corrected, as data: key poses, and ranges of frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[float, float]


@dataclass(frozen=True)
class KeyPose:
    """A corrected frame, whose correction blends into the frames around it.

    Attributes:
        frame: Index of the frame, from 0.
        falloff: Number of frames to each side over which the correction blends into the poses. The next key
            pose with the same point ends it earlier.
        offsets: By index of the point: how far it moves, x and y as fractions of the image.
        places: By index of the point: where it is if no pose was found for it, as fractions of the image.

    """

    frame: int
    falloff: int
    offsets: Mapping[int, Place] = field(default_factory=dict)
    places: Mapping[int, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameRange:
    """Points in a range of frames.

    Attributes:
        first: The first frame, from 0.
        last: The last frame, included.
        points: Indices of the points.
        replaces: Of gaps to fill: whether points that were found in the range are replaced as well.

    """

    first: int
    last: int
    points: tuple[int, ...]
    replaces: bool = False


@dataclass(frozen=True)
class PoseEdits:
    """All corrections of a video. They are applied in the order of the attributes, key poses before hiding.

    Attributes:
        frames: Number of frames of the video that they were made for; None if unknown.
        shown: Where points with a low score count as visible.
        swapped: Where left and right are swapped. Two swaps of the same frame cancel out.
        ignored: Where incoming points count as missing.
        filled: Where missing points are interpolated over time.
        keys: Key poses in the order of their frames.
        hidden: Where points are removed.
        person: Number of the person whom they correct, as *Select Person* counts; None leaves the choice to
            the caller.
        others: Corrections of other people by their numbers, without `person` and `others` of their own.

    """

    frames: int | None = None
    shown: tuple[FrameRange, ...] = ()
    swapped: tuple[FrameRange, ...] = ()
    ignored: tuple[FrameRange, ...] = ()
    filled: tuple[FrameRange, ...] = ()
    keys: tuple[KeyPose, ...] = ()
    hidden: tuple[FrameRange, ...] = ()
    person: int | None = None
    others: Mapping[int, "PoseEdits"] = field(default_factory=dict)

    @property
    def ranges(self) -> tuple[FrameRange, ...]:
        """All ranges of frames."""
        return self.shown + self.swapped + self.ignored + self.filled + self.hidden

    @property
    def is_empty(self) -> bool:
        """Whether nobody is corrected."""
        return not self.keys and not self.ranges and all(each.is_empty for each in self.others.values())
