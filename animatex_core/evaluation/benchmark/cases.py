"""The cases of a set: characters with clips that show what should come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...pose.skeleton import PoseSequence


@dataclass(frozen=True, eq=False)
class Case:
    """One character and its own dance.

    picture: (h, w, 3) uint8 in RGB, of any size, which shows the character as the clip begins. frames: the
    true clip (f, h, w, 3) uint8; poses: of its f frames. fps: at which the frames follow each other.
    """

    name: str
    picture: np.ndarray
    frames: np.ndarray
    poses: PoseSequence
    fps: float


class CaseSet(Protocol):
    """Cases that are read one at a time. names: of all cases, which are also names of files."""

    @property
    def names(self) -> Sequence[str]: ...

    def case(self, number: int) -> Case:
        """Return the case names[number]; raises InvalidInput for files that cannot be used."""
        ...

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Return the poses of a randomly chosen human; raises InvalidInput where the set knows none."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Return what the set is, as JSON can hold it: equal for equal cases, wherever their files are."""
        ...
