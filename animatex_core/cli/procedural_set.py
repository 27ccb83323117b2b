"""The procedural set of `animatex evaluate`: drawn characters."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..evaluation.benchmark.cases import Case
from ..pose.keypoints import PoseSequence
from ..training.synthetic.triples import Triple, draw_triple

FPS = 8.0  # of the written videos; motion is timed in frames
HUMAN_TRIPLES = 2**20  # number of triples from which humans are drawn


@dataclass(frozen=True)
class ProceduralSet:
    """A set of drawn characters that are never used in training.

    Args:
        count: Number of cases.
        frames: Frames of each video.
        width: In pixels.
        height: In pixels.
        seed: Seed of characters and motion.

    """

    count: int
    frames: int
    width: int
    height: int
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The number of each case, four digits."""
        return tuple(f"{number:04}" for number in range(self.count))

    def case(self, number: int) -> Case:
        """Draw the video of a character."""
        target = self._triple(number).target
        return Case(self.names[number], target.frames[0], target.frames, target.poses, FPS)

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Draw the poses of a human dancer. Triples in which the character drives itself are skipped."""
        while True:
            triple = self._triple(int(rng.integers(HUMAN_TRIPLES)))
            if triple.driver is not triple.target:
                return triple.driver.poses

    def identity(self) -> Mapping[str, Any]:
        """Return the settings that define the set."""
        return {"procedural": asdict(self)}

    def _triple(self, number: int) -> Triple:
        return draw_triple(self.seed, number, self.frames, self.width, self.height, held_out=True)
