"""Frames of the puppet: each layer where its bone is, from the back to the front."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from .cut import CutOut, Layer
from .rig import Rig, stretch
from .skeleton import normal

FACE = (1.4, 2.6)  # distances of the eyes from the nose: the face wholly, and not at all
MARGIN = 1  # pixels around a layer in which its edge fades


def drawn(cut_out: CutOut, rig: Rig, frames: int) -> Iterator[Tensor]:
    """Draw every frame: (4, h, w), colours and the alpha of the figure, in 0..1."""
    for frame in range(frames):
        picture = torch.cat([cut_out.background, torch.zeros_like(cut_out.background[:1])])
        for layer in cut_out.layers:
            _draw(picture, layer, rig, frame)
        yield picture


def _draw(picture: Tensor, layer: Layer, rig: Rig, frame: int) -> None:
    """Put one layer on a picture (4, h, w)."""
    left, top, right, bottom = _box(layer, rig, frame, picture)
    if left >= right or top >= bottom:
        return
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32) + 0.5
    places = np.stack([columns, rows], axis=-1)
    source = _moved_back(rig, layer.part, layer.source, places, frame)
    if layer.part == "torso" and rig.face_on_torso:
        source = _with_face(source, _moved_back(rig, "head", "head", places, frame), rig)
    height, width = layer.pixels.shape[1:]
    grid = (source - [layer.left, layer.top]) * [2 / width, 2 / height] - 1
    grid = grid.astype(np.float32)
    sampled = grid_sample(layer.pixels[None], torch.from_numpy(grid)[None], align_corners=False)[0]
    target = picture[:, top:bottom, left:right]
    target.mul_(1 - sampled[3:]).add_(sampled)


def _moved_back(rig: Rig, part: str, source: str, places: np.ndarray, frame: int) -> np.ndarray:
    """Where pixels (h, w, 2) of a frame come from in the reference, as a part moves that shows a source."""
    bone, moved = rig.reference[source], rig.frames[part]
    axis, turned = rig.axes[source][0], rig.axes[part][1][frame]
    away = places - moved.start[frame].astype(np.float32)
    along = stretch(away @ turned.astype(np.float32), moved.length[frame], bone.length)
    across = away @ normal(turned).astype(np.float32) * (1 if part == source else -1)
    return bone.start + along[..., None] * axis + across[..., None] * normal(axis)


def _with_face(torso: np.ndarray, head: np.ndarray, rig: Rig) -> np.ndarray:
    """Bend the torso so that the face on it turns with the head; around the face it fades out."""
    away = np.linalg.norm(torso - rig.reference["head"].start, axis=-1) / rig.eyes
    part = np.clip((FACE[1] - away) / (FACE[1] - FACE[0]), 0, 1)[..., None]
    return torso + part * part * (3 - 2 * part) * (head - torso)


def _box(layer: Layer, rig: Rig, frame: int, picture: Tensor) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of where a layer comes to lie, inside of the picture."""
    bone, moved = rig.reference[layer.source], rig.frames[layer.part]
    axis, turned = rig.axes[layer.source][0], rig.axes[layer.part][1][frame]
    height, width = layer.pixels.shape[1:]
    corners = np.array([(x, y) for x in (-MARGIN, width + MARGIN) for y in (-MARGIN, height + MARGIN)])
    away = corners + [layer.left, layer.top] - bone.start
    along, across = away @ axis, away @ normal(axis) * (-1 if layer.mirrored else 1)
    ends = stretch(np.array([along.min(), along.max()]), bone.length, moved.length[frame])
    places = moved.start[frame] + np.array(
        [a * turned + b * normal(turned) for a in ends for b in (across.min(), across.max())]
    )
    size = [picture.shape[2], picture.shape[1]]
    low = np.clip(np.floor(places.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(places.max(axis=0)), 0, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
