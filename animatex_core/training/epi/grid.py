"""A picture of what the explicit pose indicator does: driving poses, anchor and result, row by row."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...pose.draw import draw_over
from ...pose.keypoints import PoseSequence, seen
from ...retarget.parts import POINTS_OF
from ...retarget.settings import RetargetSettings
from .indicator import ExplicitPoseIndicator, Transformation
from .pose_pool import SCALED, in_picture_of

HEIGHT = 224  # pixels of a cell
GAP, LINE = 3, 20  # between cells; of a line of text
TEXT = 13  # pixels
GROUND, INK = 56, (230, 230, 230)
MAX_WIDTH = 2.0  # a cell is at most so many times as wide as high


def epi_grid(
    clips: Sequence[PoseSequence], epi: ExplicitPoseIndicator, rngs: Sequence[np.random.Generator]
) -> np.ndarray:
    """Draw each clip, its anchor and what `epi` makes of it by its own generator: RGB uint8 (h, w, 3).

    A row has the clip's frames, the anchor as it stands in their picture, and the transformed frames; above
    it is written what was done. The clips have equally many frames, and there is at least one.
    """
    rows = [_row(clip, epi.transformation(rng)) for clip, rng in zip(clips, rngs, strict=True)]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([_widened(row, width) for row in rows])


def _row(clip: PoseSequence, made: Transformation | None) -> np.ndarray:
    transformed = clip if made is None else made(clip)
    anchor = PoseSequence.empty(1, clip.width, clip.height)
    if made is not None and made.anchor is not None:
        anchor = in_picture_of(made.anchor, clip.width, clip.height)
    parts = [_cells(poses) for poses in (clip, anchor, transformed)]
    starts = np.cumsum([0, *(part.shape[1] for part in parts)])
    row = np.pad(np.concatenate(parts, axis=1), ((LINE, 0), (0, 0), (0, 0)), constant_values=GROUND)
    words = ("driving", "anchor", "unchanged" if made is None else _words(made.combination, clip))
    return _written(row, dict(zip(starts.tolist(), words, strict=False)))


def _cells(poses: PoseSequence) -> np.ndarray:
    width = round(HEIGHT * min(poses.width / poses.height, MAX_WIDTH))
    black = np.zeros((HEIGHT, width, 3), np.uint8)
    drawn = [draw_over(black, body, hands) for body, hands in zip(poses.body, poses.hands, strict=True)]
    gap = ((0, GAP), (0, GAP), (0, 0))
    return np.concatenate([np.pad(cell, gap, constant_values=GROUND) for cell in drawn], axis=1)


def _words(done: RetargetSettings, clip: PoseSequence) -> str:
    factors = [(part, getattr(done.factors, part)) for part in SCALED]
    words = [f"{part} x{factor:.2f}" for part, factor in factors if factor != 1]
    shown = np.flatnonzero(seen(clip.points).any(axis=0))
    added = [part for part in done.add if not set(POINTS_OF[part]) <= set(shown)]
    words += [f"no {part}" for part in done.drop] + [f"+ {part}" for part in added]
    return ", ".join(words).replace("_", " ") or "nothing rescaled"


def _written(row: np.ndarray, words: dict[int, str]) -> np.ndarray:
    picture = Image.fromarray(row)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT)
    for left, text in words.items():
        pen.text((left + GAP, GAP), text, fill=INK, font=font)
    return np.asarray(picture)


def _widened(row: np.ndarray, width: int) -> np.ndarray:
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=GROUND)
