"""A contact sheet of a case: what was asked for, what came out, and what should have."""

import numpy as np
from einops import rearrange

from ...encoders.preprocess import resize
from ...pose.draw import draw_poses
from .tasks import Task

MOMENTS = 6  # of the clip
MOST_PIXELS = 192  # width of a picture on the sheet


def contact_sheet(task: Task, generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return a sheet (h, w, 3) uint8 of clips (f, h, w, 3) uint8: the character, then moments of the clip.

    Its rows are the poses that were to be followed, the generated clip and the true one.
    """
    height, width = _size(real)
    frames = np.unique(np.linspace(0, len(real) - 1, min(MOMENTS, len(real))).round().astype(int)).tolist()
    poses = list(draw_poses(task.poses.select(frames), width, height))
    rows = [poses, generated[frames], real[frames]]
    reference = resize(task.reference.picture, width, height)
    shown = [[reference, *(resize(frame, width, height) for frame in row)] for row in rows]
    return rearrange(np.array(shown), "row moment h w c -> (row h) (moment w) c")


def _size(real: np.ndarray) -> tuple[int, int]:
    height, width = real.shape[1:3]
    scale = min(1.0, MOST_PIXELS / width)
    return max(1, round(height * scale)), max(1, round(width * scale))
