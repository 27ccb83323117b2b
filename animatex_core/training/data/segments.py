"""Which parts of a clip are worth training on: those that show a person, none too short or too long."""

from collections.abc import Iterator

import numpy as np

from ...errors import InvalidInput
from ...pose.skeleton import MODEL_JOINTS, PoseSequence, seen

PERSON_JOINTS = 8  # of 18 that must be seen: more than a head and shoulders
GAP = 3  # frames without a person that do not end a part


def person_segments(
    poses: PoseSequence, stride: int, least: int, most: int, option: str = "--least"
) -> list[range]:
    """Choose one frame in `stride`, and cut what shows a person into parts of `least` to `most` frames.

    Parts of one run are about equally long. option: what the user lowers where no run is long enough,
    for which InvalidInput is raised.
    """
    shown = seen(poses.body[::stride, :MODEL_JOINTS]).sum(axis=1) >= PERSON_JOINTS
    runs = list(_runs(shown))
    segments = [part for run in runs if len(run) >= least for part in _parts(run, most)]
    if not segments:
        longest = max(map(len, runs), default=0)
        raise InvalidInput(
            f"A person is seen in {int(shown.sum())} of {len(shown)} frames, {longest} of them in a row, but "
            f"{least} in a row are needed: give a longer clip, or lower {option}."
        )
    return [range(part.start * stride, (part.stop - 1) * stride + 1, stride) for part in segments]


def _runs(shown: np.ndarray) -> Iterator[range]:
    """Runs that begin and end with a person."""
    places = np.flatnonzero(shown)
    for run in np.split(places, np.flatnonzero(np.diff(places) > GAP + 1) + 1):
        if run.size:
            yield range(int(run[0]), int(run[-1]) + 1)


def _parts(run: range, most: int) -> Iterator[range]:
    count = -(-len(run) // most)
    ends = [run.start + len(run) * part // count for part in range(count + 1)]
    yield from map(range, ends, ends[1:])
