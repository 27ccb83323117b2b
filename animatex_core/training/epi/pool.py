"""The pool of poses that anchors are drawn from."""

from collections.abc import Sequence

import numpy as np

from ...pose.skeleton import PoseSequence, seen
from ...retarget.bones import ROOT
from ...retarget.measure import BODY_LENGTHS

ENOUGH = 4  # of the seven lengths of a body that a frame must show to tell its shape


class PosePool:
    """The frames of many sequences in which enough of a body is seen to measure: the neck and ENOUGH lengths.

    The sequences are kept as they are and nothing is copied: of each only the frames are noted. Every
    sequence counts the same, however long, so that people with long videos are not drawn more often.
    """

    def __init__(self, sequences: Sequence[PoseSequence]) -> None:
        shown = ((each, np.flatnonzero(_measurable(each.body))) for each in sequences)
        self._sequences = [(each, frames) for each, frames in shown if frames.size]

    def __len__(self) -> int:
        """Count the anchor poses."""
        return sum(frames.size for _, frames in self._sequences)

    def anchor(self, sequence: float, frame: float) -> PoseSequence:
        """Return one frame, where two numbers of 0 or more and less than 1 point into a pool that holds some.

        sequence: into the sequences; frame: into its frames.
        """
        poses, frames = self._sequences[int(sequence * len(self._sequences))]
        at = frames[int(frame * frames.size)]
        one = slice(at, at + 1)
        return PoseSequence(poses.body[one], poses.hands[one], poses.face[one], poses.width, poses.height)


def _measurable(body: np.ndarray) -> np.ndarray:
    """Return which frames (f,) of a body (f, 20, 3) tell its shape."""
    there = seen(body)
    shown = [there[:, length.pairs].all(axis=-1).any(axis=-1) for length in BODY_LENGTHS]
    return there[:, ROOT] & (np.sum(shown, axis=0) >= ENOUGH)
