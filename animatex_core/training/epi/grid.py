"""Draws what the explicit pose indicator does: rows of driving poses, anchor and result."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...pose.draw import draw_over
from ...pose.keypoints import PoseSequence, seen
from ...retarget.parts import POINTS_OF
from ...retarget.settings import RetargetSettings
from .indicator import ExplicitPoseIndicator, Transformation
from .pose_pool import SCALED_PARTS, fit_to_image_size

CELL_HEIGHT = 224  # pixels
GAP, LINE_HEIGHT = 3, 20  # pixels
FONT_SIZE = 13  # pixels
BACKGROUND, TEXT_COLOR = 56, (230, 230, 230)
MAX_ASPECT = 2.0  # width / height of a cell


def epi_grid(
    clips: Sequence[PoseSequence], epi: ExplicitPoseIndicator, rngs: Sequence[np.random.Generator]
) -> np.ndarray:
    """Draw a row for each clip: its frames, the anchor, and the transformed frames, with a caption.

    Args:
        clips: One or more clips with the same number of frames.
        epi: The explicit pose indicator.
        rngs: Random generator of each clip.

    Returns:
        The grid (h, w, 3), uint8 in RGB.

    """
    rows = [_row(clip, epi.transformation(rng)) for clip, rng in zip(clips, rngs, strict=True)]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([_pad_width(row, width) for row in rows])


def _row(clip: PoseSequence, transformation: Transformation | None) -> np.ndarray:
    transformed = clip if transformation is None else transformation(clip)
    anchor = PoseSequence.empty(1, clip.width, clip.height)
    if transformation is not None and transformation.anchor is not None:
        anchor = fit_to_image_size(transformation.anchor, clip.width, clip.height)
    parts = [_cells(poses) for poses in (clip, anchor, transformed)]
    starts = np.cumsum([0, *(part.shape[1] for part in parts)])
    row = np.pad(
        np.concatenate(parts, axis=1), ((LINE_HEIGHT, 0), (0, 0), (0, 0)), constant_values=BACKGROUND
    )
    change = "unchanged" if transformation is None else _describe(transformation.combination, clip)
    return _with_captions(row, dict(zip(starts.tolist(), ("driving", "anchor", change), strict=False)))


def _cells(poses: PoseSequence) -> np.ndarray:
    width = round(CELL_HEIGHT * min(poses.width / poses.height, MAX_ASPECT))
    black = np.zeros((CELL_HEIGHT, width, 3), np.uint8)
    drawn = [draw_over(black, body, hands) for body, hands in zip(poses.body, poses.hands, strict=True)]
    gap = ((0, GAP), (0, GAP), (0, 0))
    return np.concatenate([np.pad(cell, gap, constant_values=BACKGROUND) for cell in drawn], axis=1)


def _describe(settings: RetargetSettings, clip: PoseSequence) -> str:
    factors = [(part, getattr(settings.factors, part)) for part in SCALED_PARTS]
    words = [f"{part} x{factor:.2f}" for part, factor in factors if factor != 1]
    detected = np.flatnonzero(seen(clip.points).any(axis=0))
    added = [part for part in settings.add if not set(POINTS_OF[part]) <= set(detected)]
    words += [f"no {part}" for part in settings.drop] + [f"+ {part}" for part in added]
    return ", ".join(words).replace("_", " ") or "nothing rescaled"


def _with_captions(row: np.ndarray, captions: dict[int, str]) -> np.ndarray:
    image = Image.fromarray(row)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(FONT_SIZE)
    for left, text in captions.items():
        draw.text((left + GAP, GAP), text, fill=TEXT_COLOR, font=font)
    return np.asarray(image)


def _pad_width(row: np.ndarray, width: int) -> np.ndarray:
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=BACKGROUND)
