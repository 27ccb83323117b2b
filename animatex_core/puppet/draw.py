"""Frames of the puppet: each layer where its bone is, from the back to the front."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from .cut import CutOut, Layer
from .rig import Rig, stretch
from .skeleton import normal

Places = tuple[Tensor, Tensor]
TINY = 1e-3  # pixels of the shortest bone
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
    x = torch.arange(left, right, dtype=torch.float32) + 0.5
    y = torch.arange(top, bottom, dtype=torch.float32)[:, None] + 0.5
    source = _moved_back(rig, layer.part, layer.source, (x, y), frame)
    if layer.part == "torso" and rig.face_on_torso:
        source = _with_face(source, _moved_back(rig, "head", "head", (x, y), frame), rig)
    height, width = layer.pixels.shape[1:]
    grid = torch.stack(
        [(source[0] - layer.left) * (2 / width) - 1, (source[1] - layer.top) * (2 / height) - 1], dim=-1
    )
    sampled = grid_sample(layer.pixels[None], grid[None], align_corners=False)[0]
    picture[:, top:bottom, left:right].mul_(1 - sampled[3:]).add_(sampled)


def _moved_back(rig: Rig, part: str, source: str, places: Places, frame: int) -> Places:
    """Where places of a frame come from in the reference, as a part moves that shows a source: x and y."""
    bone, moved = rig.reference[source], rig.frames[part]
    (axis_x, axis_y), (turned_x, turned_y) = (
        each.tolist() for each in (rig.axes[source][0], rig.axes[part][1][frame])
    )
    x, y = (place - start for place, start in zip(places, moved.start[frame].tolist(), strict=True))
    length = max(float(moved.length[frame]), TINY)
    along, across = x * turned_x + y * turned_y, y * turned_x - x * turned_y
    along = along + along.clamp(0, length) * (float(bone.length) / length - 1)
    if part != source:
        across = -across
    start_x, start_y = bone.start.tolist()
    return start_x + along * axis_x - across * axis_y, start_y + along * axis_y + across * axis_x


def _with_face(torso: Places, head: Places, rig: Rig) -> Places:
    """Bend the torso so that the face on it turns with the head; around the face it fades out."""
    x, y = rig.reference["head"].start.tolist()
    away = torch.hypot(torso[0] - x, torso[1] - y) / rig.eyes
    part = ((FACE[1] - away) / (FACE[1] - FACE[0])).clamp(0, 1)
    part = part * part * (3 - 2 * part)
    return torso[0] + part * (head[0] - torso[0]), torso[1] + part * (head[1] - torso[1])


def _box(layer: Layer, rig: Rig, frame: int, picture: Tensor) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of where a layer comes to lie, inside of the picture."""
    bone, moved = rig.reference[layer.source], rig.frames[layer.part]
    axis, turned = rig.axes[layer.source][0], rig.axes[layer.part][1][frame]
    height, width = layer.pixels.shape[1:]
    corners = np.array([(x, y) for x in (-MARGIN, width + MARGIN) for y in (-MARGIN, height + MARGIN)])
    away = corners + np.array([layer.left, layer.top]) - bone.start
    along, across = away @ axis, away @ normal(axis) * (-1 if layer.mirrored else 1)
    ends = stretch(np.array([along.min(), along.max()]), bone.length, moved.length[frame])
    places = moved.start[frame] + np.array(
        [a * turned + b * normal(turned) for a in ends for b in (across.min(), across.max())]
    )
    size = [picture.shape[2], picture.shape[1]]
    low = np.clip(np.floor(places.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(places.max(axis=0)), 0, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
