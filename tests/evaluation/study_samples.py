"""Files of a study: clips of systems on the same cases, and votes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from animatex_core.evaluation.study.votes import VOTES_FORMAT, Key
from animatex_core.video.writer import write_clip

WIDTH, HEIGHT, FPS, FRAMES = 64, 96, 12, 6
COLOURS = {"animate-x": (220, 120, 40), "othersystem": (60, 140, 220), "thirdsystem": (90, 190, 90)}


def write_moving(path: Path, colour: tuple[int, int, int], frames: int = FRAMES, **options: Any) -> Path:
    """Write a clip of a square that moves down."""
    pictures = np.full((frames, HEIGHT, WIDTH, 3), 230, np.uint8)
    for step, picture in enumerate(pictures):
        picture[10 + 8 * step : 40 + 8 * step, 16:48] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_clip(path, pictures, fps=FPS, **options)


def write_systems(folder: Path, cases: str = "abc", systems: int = 2) -> dict[str, Path]:
    """Write the clips of systems, each in a folder of its name; return the folders by name."""
    names = list(COLOURS)[:systems]
    for name in names:
        for place, case in enumerate(cases):
            red, green, blue = COLOURS[name]
            write_moving(folder / name / f"{case}.mp4", (red, green, blue - 20 * place))
    return {name: folder / name for name in names}


def write_given(folder: Path, cases: str = "abc") -> None:
    """Write the picture and the driving clip of every case into folders of these names."""
    (folder / "references").mkdir()
    for case in cases:
        Image.new("RGB", (WIDTH, HEIGHT), (200, 180, 40)).save(folder / "references" / f"{case}.png")
        write_moving(folder / "driving" / f"{case}.mp4", (40, 40, 40))


def write_votes(path: Path, key: Key, rater: str, votes: object, study: str | None = None) -> Path:
    """Write votes as the page does. votes: an answer by question, by the number of a pair."""
    stored = {"format": VOTES_FORMAT, "study": study or key.study, "rater": rater, "votes": votes}
    path.write_text(json.dumps(stored), encoding="utf-8")
    return path


def side_of(key: Key, number: int, system: str) -> str:
    """Return on which side of a pair the clip of a system is."""
    return "left" if key.pair(number).left == system else "right"
