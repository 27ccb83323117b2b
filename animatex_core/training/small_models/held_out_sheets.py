"""Contact sheets of a held-out evaluation, for judging it by eye."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from einops import rearrange

from ...video.image import write_image
from .held_out import OWN, REAL, HeldOutCase

COMPARED_MOMENTS = 5  # frames shown of each clip in a comparison
CASES_PER_SHEET = 8
CHARACTERS, MOMENTS, COLUMNS = 16, 8, 2  # of a gallery: 2312 x 1536 pixels for the size of the small bundle
GAP = 8  # white pixels between the columns of a gallery
TRUE = "true clip"
GALLERIES = {REAL: "characters_driving_pose.png", OWN: "characters_own_pose.png", TRUE: "characters_true.png"}
"""Clip -> file of its gallery."""


@dataclass
class ContactSheets:
    """Collects cases and writes sheets to a folder.

    `sheet_*.png` compare: each row is one case, the character and then some frames of the dancer, the result
    and the true animation. The GALLERIES show many characters at many moments, each file of another clip in
    the same layout: a row is the character's image and then frames of the clip.

    Attributes:
        folder: Folder of the sheets; must exist.

    """

    folder: Path
    _compared: list[np.ndarray] = field(default_factory=list)
    _shown: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, number: int, case: HeldOutCase) -> None:
        """Add the case of a number, counted from 0, and write a comparison once it is full."""
        self._compared.append(_comparison(case))
        if len(self._compared) == CASES_PER_SHEET:
            self._write_compared(number)
        if number < CHARACTERS:
            clips = {**case.clips, TRUE: case.triple.target.frames}
            for name in GALLERIES.keys() & clips.keys():
                self._shown.setdefault(name, []).append(_row(case.triple.reference.frames, clips[name]))

    def finish(self, number: int) -> None:
        """Write what is left after the last case, that of `number`."""
        if self._compared:
            self._write_compared(number)
        for name, rows in self._shown.items():
            write_image(self.folder / GALLERIES[name], in_columns(rows, COLUMNS))

    def _write_compared(self, number: int) -> None:
        path = self.folder / f"sheet_{number // CASES_PER_SHEET}.png"
        write_image(path, np.concatenate(self._compared))
        self._compared.clear()


def in_columns(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Arrange images (h, w, 3) of one size in columns, filled from the top and separated by a white gap."""
    height, width, _ = rows[0].shape
    most = -(-len(rows) // columns)
    filled = -(-len(rows) // most)
    sheet = np.full((most * height, filled * (width + GAP) - GAP, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top, left = number % most * height, number // most * (width + GAP)
        sheet[top : top + height, left : left + width] = row
    return sheet


def _row(reference: np.ndarray, clip: np.ndarray) -> np.ndarray:
    return _side_by_side([reference, clip[_moments(clip, MOMENTS)]])


def _comparison(case: HeldOutCase) -> np.ndarray:
    name = REAL if REAL in case.clips else next(iter(case.clips))
    clips = [case.triple.driver.frames, case.clips[name], case.triple.target.frames]
    chosen = (clip[_moments(clip, COMPARED_MOMENTS)] for clip in clips)
    return _side_by_side([case.triple.reference.frames, *chosen])


def _moments(clip: np.ndarray, most: int) -> np.ndarray:
    return np.linspace(0, len(clip) - 1, min(most, len(clip))).round().astype(int)


def _side_by_side(clips: Sequence[np.ndarray]) -> np.ndarray:
    return rearrange(np.concatenate(clips), "f h w c -> h (f w) c")
