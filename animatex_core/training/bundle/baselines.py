"""What an animation has to beat: clips that are made without any idea of the motion."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from ...pose.skeleton import PoseSequence, seen
from ..procedural.render import render
from ..procedural.triples import Triple


def repeated(triple: Triple) -> np.ndarray:
    """The reference in every frame, (f, h, w, 3) uint8."""
    return np.repeat(triple.reference.frames, len(triple.target.frames), axis=0)


def blurred(triple: Triple) -> np.ndarray:
    """The character as in the reference, blurred over the places where it stands in the true clip."""
    scene = triple.reference
    moved = _moved(scene.poses, _places(triple.target.poses) - _places(scene.poses))
    return _mean(np.stack(list(render(scene.look, moved, scene.stature, triple.backdrop))))


def true_mean(triple: Triple) -> np.ndarray:
    """The mean of the true clip over time, which no method could know."""
    return _mean(triple.target.frames)


def smoothed(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Return frames (f, h, w, 3) uint8 blurred by a Gaussian of so many pixels."""
    reach = int(np.ceil(3 * sigma))
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    wide = F.conv2d(padded, kernel, groups=3)
    smooth = F.conv2d(wide, kernel.transpose(2, 3), groups=3)
    return smooth.round().byte().permute(0, 2, 3, 1).numpy()


def _mean(frames: np.ndarray) -> np.ndarray:
    still = np.empty_like(frames)
    still[:] = frames.mean(axis=0).round()
    return still


def _places(poses: PoseSequence) -> np.ndarray:
    """Where the body is in every frame, (f, 2): the mean of its joints, in parts of the picture."""
    shown = seen(poses.body)[..., None]
    return (poses.body[..., :2] * shown).sum(axis=1) / shown.sum(axis=1)


def _moved(poses: PoseSequence, steps: np.ndarray) -> PoseSequence:
    """The first pose, moved by each of (f, 2) steps."""
    many = poses.select([0] * len(steps))
    body = many.body.copy()
    body[..., :2] += np.where(seen(body)[..., None], steps[:, None], 0)
    return replace(many, body=body)
