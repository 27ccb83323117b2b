"""Poses and edits in which everything occurs."""

import json
from typing import Any

import numpy as np

from animatex_core.pose.edits.joints import GROUPS, POINT_NAMES
from animatex_core.pose.keypoints import POINTS, PoseSequence

EDITED = POINT_NAMES[:24]  # the body, and the start of a hand
NAMES = [*EDITED, *GROUPS]


def random_poses(rng: np.random.Generator, frames: int) -> PoseSequence:
    """Return poses with missing points, low scores and scores at the limit of what is visible."""
    points = rng.random((frames, POINTS, 3)).astype(np.float32)
    points[rng.random((frames, POINTS)) < 0.3] = 0
    points[..., 2] = np.where(rng.random((frames, POINTS)) < 0.2, np.float32(0.3), points[..., 2])
    return PoseSequence.from_points(points, 64, 96)


def random_edits(rng: np.random.Generator, frames: int) -> str:
    """Return edits of every kind, some of them beyond the last frame."""
    keys = rng.choice(frames + 4, min(frames, 4), replace=False)
    return json.dumps(
        {
            "version": 1,
            "person": 2,
            "others": [{"person": 0, "hide": [_range(rng, frames)]}],
            "frames": frames,
            "keys": [_key(rng, int(frame)) for frame in keys],
            **{kind: [_range(rng, frames) for _ in range(2)] for kind in ("show", "swap", "ignore", "hide")},
            "fill": [{**_range(rng, frames), "replace": True}, _range(rng, frames)],
        }
    )


def _key(rng: np.random.Generator, frame: int) -> dict[str, Any]:
    return {"frame": frame, "falloff": int(rng.integers(9)), "offsets": _places(rng), "places": _places(rng)}


def _places(rng: np.random.Generator) -> dict[str, list[float]]:
    return {str(name): np.round(rng.uniform(-0.5, 1.5, 2), 6).tolist() for name in rng.choice(EDITED, 8)}


def _range(rng: np.random.Generator, frames: int) -> dict[str, Any]:
    first = int(rng.integers(frames + 2))
    joints = [str(name) for name in rng.choice(NAMES, 2)]
    return {"from": first, "to": first + int(rng.integers(6)), "joints": joints}
