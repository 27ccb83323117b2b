"""The 68 points of a face, laid over a head."""

import numpy as np

from ...pose.skeleton import JOINT

_ANGLES = np.linspace(np.pi * 0.97, np.pi * 0.03, 17)


def _template() -> np.ndarray:
    """(68, 2) in radii of the head about the nose, x to the person's left and y down."""
    jaw = np.stack([0.92 * np.cos(_ANGLES), 0.95 * np.sin(_ANGLES) - 0.1], axis=1)
    brows = [(x, -0.5 - 0.06 * (2 - abs(k - 2))) for x0 in (-0.62, 0.14) for k, x in _steps(x0, 0.12, 5)]
    nose = [(0.0, y) for _, y in _steps(-0.3, 0.1, 4)] + [(x, 0.08) for _, x in _steps(-0.12, 0.06, 5)]
    eyes = [
        (x + 0.15 * np.cos(a), -0.3 + 0.08 * np.sin(a))
        for x in (-0.38, 0.38)
        for a in np.pi + np.arange(6) * np.pi / 3
    ]
    outer = [(0.3 * np.cos(a), 0.45 + 0.12 * np.sin(a)) for a in np.pi + np.arange(12) * np.pi / 6]
    inner = [(0.2 * np.cos(a), 0.45 + 0.05 * np.sin(a)) for a in np.pi + np.arange(8) * np.pi / 4]
    return np.concatenate([jaw, brows, nose, eyes, outer, inner])


def _steps(start: float, step: float, count: int) -> list[tuple[int, float]]:
    return [(index, start + step * index) for index in range(count)]


_FACE = _template()


def face_points(body: np.ndarray, radius: float) -> np.ndarray:
    """Lay the face on bodies (f, 20, 2) in pixels: (f, 68, 2). The eyes tell how the head is turned."""
    nose = body[:, JOINT["nose"]]
    right, left = body[:, JOINT["right_eye"]], body[:, JOINT["left_eye"]]
    across = left - right
    up = np.stack([across[:, 1], -across[:, 0]], axis=1)
    upright = body[:, JOINT["nose"]] - body[:, JOINT["neck"]]
    up = np.where(np.linalg.norm(across, axis=1, keepdims=True) > 0.05 * radius, up, upright)
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    side = np.stack([-up[:, 1], up[:, 0]], axis=1)
    x, y = _FACE[:, 0], _FACE[:, 1]
    return nose[:, None] + radius * (x[None, :, None] * side[:, None] - y[None, :, None] * up[:, None])
