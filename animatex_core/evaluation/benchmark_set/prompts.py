"""Prompts for generators of pictures and clips, one distinct scene each.

A2Bench (paper, section on the benchmark) was made of texts of one grammar: a cute object that has arms and
legs, standing in a picture and dancing in a clip, in a season and at a place. The words here are our own.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...checks import require_whole
from ...errors import InvalidInput
from ...placement import place_text
from .words import OBJECTS, PLACES, SEASONS

COUNT = 500  # of A2Bench
COLUMNS = ("id", "object", "season", "place", "image", "video")


@dataclass(frozen=True)
class Scene:
    """One entry of a set. id: from 0001, to name files by; season: a key of SEASONS."""

    id: str
    object: str
    season: str
    place: str

    @property
    def image(self) -> str:
        """The prompt for a picture: the character's reference."""
        return (
            f"{self._who}, standing upright {self._where}. {WHOLE}, seen from the front, facing the viewer."
        )

    @property
    def video(self) -> str:
        """The prompt for a clip, from text or from the picture: the character's dance."""
        return f"{self._who}, dancing {self._where}. {WHOLE} all the time, and the camera does not move."

    @property
    def _who(self) -> str:
        return f"A cute anthropomorphic {self.object} with two arms and two legs"

    @property
    def _where(self) -> str:
        return f"{self.place} {SEASONS[self.season]}"


WHOLE = "Its whole body is in view"


def draw_scenes(count: int = COUNT, *, seed: int = 0) -> list[Scene]:
    """Return scenes of which no two are alike; every object comes equally often (to one scene).

    The same arguments give the same scenes, and more of them begin with the same.
    Raises InvalidInput for a seed that cannot be and for more scenes than there are.
    """
    require_whole("count", count)
    require_whole("seed", seed, least=0)
    settings = [(season, place) for season in SEASONS for place in PLACES]
    most = len(OBJECTS) * len(settings)
    if count > most:
        raise InvalidInput(f"count is {count}, but the words make {most} scenes only: take fewer.")
    rng = np.random.default_rng(seed)
    own = [rng.permutation(len(settings)) for _ in OBJECTS]  # the settings of each object, in its own order
    rounds = -(-count // len(OBJECTS))
    drawn = [(thing, own[thing][turn]) for turn in range(rounds) for thing in rng.permutation(len(OBJECTS))]
    return [
        Scene(f"{number:04d}", OBJECTS[thing], *settings[setting])
        for number, (thing, setting) in enumerate(drawn[:count], start=1)
    ]


def write_scenes(path: Path, scenes: Sequence[Scene]) -> None:
    """Write a CSV file with a row a scene and the columns of COLUMNS; raises StorageError."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    rows.writerows([getattr(scene, column) for column in COLUMNS] for scene in scenes)
    place_text(path, text.getvalue())
