"""Dances and music whose loops and beats are known."""

import numpy as np

from animatex_core.pose.keypoints import JOINT, POINTS, PoseSequence
from animatex_core.video.audio_samples import AudioSamples

STANDING = {
    "nose": (0.50, 0.15), "neck": (0.50, 0.25),
    "right_shoulder": (0.42, 0.26), "right_elbow": (0.38, 0.38), "right_wrist": (0.36, 0.50),
    "left_shoulder": (0.58, 0.26), "left_elbow": (0.62, 0.38), "left_wrist": (0.64, 0.50),
    "right_hip": (0.45, 0.52), "right_knee": (0.44, 0.70), "right_ankle": (0.44, 0.88),
    "left_hip": (0.55, 0.52), "left_knee": (0.56, 0.70), "left_ankle": (0.56, 0.88),
}  # fmt: skip
ARMS = ("right_elbow", "right_wrist", "left_elbow", "left_wrist")


def dance(phases: np.ndarray, drift: np.ndarray | float = 0.0) -> PoseSequence:
    """Return a dance that swings the arms: one full swing per 1 of the phase; `drift` walks to the right."""
    points = np.zeros((len(phases), POINTS, 3), np.float32)
    for name, place in STANDING.items():
        points[:, JOINT[name]] = [*place, 1]
    swing, lift = np.sin(2 * np.pi * phases), np.cos(2 * np.pi * phases)
    for name in ARMS:
        points[:, JOINT[name], 0] += 0.06 * swing
        points[:, JOINT[name], 1] += 0.06 * lift
    points[..., 0] += np.broadcast_to(drift, len(phases))[:, None] * (points[..., 2] > 0)
    return PoseSequence.from_points(points, 480, 640, 12.0)


def music(beats_per_minute: float, seconds: float, rate: int = 22050, first: float = 0.2) -> AudioSamples:
    """Return a drum on the beat, a quieter one between the beats, and noise."""
    random = np.random.default_rng(0)
    sound = 0.01 * random.standard_normal(round(seconds * rate)).astype(np.float32)
    decay = np.exp(-np.arange(round(0.08 * rate)) / (0.015 * rate))
    period = 60 / beats_per_minute
    for time, loudness in (
        *((time, 0.8) for time in np.arange(first, seconds - 0.2, period)),
        *((time, 0.2) for time in np.arange(first + period / 2, seconds - 0.2, period)),
    ):
        place = round(time * rate)
        sound[place : place + len(decay)] += loudness * decay * random.standard_normal(len(decay))
    return AudioSamples(sound[None].clip(-1, 1).astype(np.float32), rate)
