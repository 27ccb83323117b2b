"""The procedural held-out set as cases of the benchmark: no file is needed, and the truth is exact."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..evaluation.benchmark.cases import Case
from ..pose.skeleton import PoseSequence
from ..training.procedural.triples import Triple, draw_triple

FPS = 8.0  # of the written clips; the motion is timed in frames
HUMANS = 2**20  # triples that the humans are drawn from


@dataclass(frozen=True)
class ProceduralSet:
    """Made-up characters that no training saw; width, height: pixels; seed: of characters and motion."""

    count: int
    frames: int
    width: int
    height: int
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(f"{number:04}" for number in range(self.count))

    def case(self, number: int) -> Case:
        """Draw a character in motion."""
        target = self._triple(number).target
        return Case(self.names[number], target.frames[0], target.frames, target.poses, FPS)

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Draw a dancer who is a person: in some triples the character drives itself."""
        while True:
            triple = self._triple(int(rng.integers(HUMANS)))
            if triple.driver is not triple.target:
                return triple.driver.poses

    def identity(self) -> Mapping[str, Any]:
        """Return its numbers."""
        return {"procedural": asdict(self)}

    def _triple(self, number: int) -> Triple:
        return draw_triple(self.seed, number, self.frames, self.width, self.height, held_out=True)
