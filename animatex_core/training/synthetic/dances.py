"""Motion for training and validation: four recorded dances, and random choreography."""

from functools import cache

import numpy as np
from safetensors.numpy import load_file

from ...assets import ASSETS
from ...pose.keypoints import FACE_POINTS, HAND_POINTS, JOINT, PoseSequence
from ...retarget.bones import PROPORTION
from .anatomy import FPS
from .motion import BONE_INDEX, CHILDREN, Motion, extract_motion

BEAT = (0.3, 0.9)  # seconds from one pose to the next
# Radians. Arms: angle away from the body, 0 hanging and pi straight up; elbows: relative to the upper arm;
# depth: out of the image plane. Legs likewise; knees bend back inwards.
RANGES = {
    "lean": (-0.3, 0.3),
    "yaw": (-0.8, 0.8),
    "tilt": (-0.4, 0.4),
    "nod": (-0.3, 0.3),
    "arm": (-0.4, 3.2),
    "elbow": (-1.7, 2.3),
    "arm_depth": (-0.9, 0.9),
    "forearm_depth": (-0.9, 0.9),
    "leg": (-0.05, 0.7),
    "knee": (-0.1, 0.6),
    "leg_depth": (0.0, 1.1),
}
CALM = 0.35  # fraction of their range that legs use most of the time
SWAY = 0.12  # statures
JUMP = 0.12  # statures


def choreograph(rng: np.random.Generator, frames: int) -> Motion:
    """Generate `frames` frames of random choreography at 24 frames per second."""
    curve = _Curves(rng, frames)
    yaw, lean = curve("yaw"), curve("lean")
    bones = np.zeros((frames, len(CHILDREN), 2))
    _trunk_and_head(bones, curve, yaw, lean)
    for side, sign in (("right", -1.0), ("left", 1.0)):
        _arm(bones, curve, side, sign)
        _leg(bones, curve, side, sign, 1.0 if rng.random() < 0.4 else CALM)
    hop = np.maximum(0, curve.between(-4.0 * JUMP, JUMP)) if rng.random() < 0.4 else np.zeros(frames)
    return Motion(bones, hop, curve.between(-SWAY, SWAY))


def draw_standing_pose(rng: np.random.Generator) -> Motion:
    """Generate one frame of a standing figure: arms hanging or held out, seen from the front."""
    bones = np.zeros((1, len(CHILDREN), 2))
    curve = _Curves(rng, 1)
    _trunk_and_head(bones, curve, curve("yaw", 0.2), curve("lean", 0.2), 0.3)
    out = rng.uniform(0.1, 1.5)
    for side, sign in (("right", -1.0), ("left", 1.0)):
        bend = out + rng.uniform(-0.2, 0.2, (2, 1))
        bones[:, _bone(f"{side}_elbow")] = _direction(bend[0], sign, np.zeros(1))
        bones[:, _bone(f"{side}_wrist")] = _direction(bend[1], sign, np.zeros(1))
        _leg(bones, curve, side, sign, 0.15)
    return Motion(bones, np.zeros(1), np.zeros(1))


class _Curves:
    """Smooth curves through random values, one value per beat."""

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        self.rng, self.frames = rng, frames
        self.beat = rng.uniform(*BEAT) * FPS

    def between(self, low: float, high: float) -> np.ndarray:
        keys = int(self.frames / self.beat) + 3
        values = self.rng.uniform(low, high, keys)
        times = np.arange(self.frames) / self.beat + self.rng.uniform(0, 1)
        before = times.astype(int)
        part = times - before
        eased = part * part * (3 - 2 * part)
        return values[before] * (1 - eased) + values[before + 1] * eased

    def __call__(self, name: str, share: float = 1.0) -> np.ndarray:
        low, high = RANGES[name]
        return self.between(low * share, high * share)


def _trunk_and_head(
    bones: np.ndarray, curve: _Curves, yaw: np.ndarray, lean: np.ndarray, share: float = 1.0
) -> None:
    side, down = _axes(lean)
    width = np.cos(yaw)[:, None]
    for name, sign in (("right", -1.0), ("left", 1.0)):
        bones[:, _bone(f"{name}_shoulder")] = sign * width * side + 0.08 * down
        bones[:, _bone(f"{name}_hip")] = 0.3 * sign * width * side + 0.95 * down
    nod, turn = curve("nod", share)[:, None], np.sin(yaw)[:, None]
    side, down = _axes(lean + curve("tilt", share))
    bones[:, _bone("nose")] = (0.25 * turn) * side - (0.95 + 0.15 * nod) * down
    for name, sign in (("right", -1.0), ("left", 1.0)):
        near = width + 0.25 * sign * turn
        bones[:, _bone(f"{name}_eye")] = 0.5 * sign * near * side - 0.45 * down
        bones[:, _bone(f"{name}_ear")] = 0.8 * sign * near * side + (0.2 + 0.3 * nod) * down


def _arm(bones: np.ndarray, curve: _Curves, side: str, sign: float) -> None:
    angle = curve("arm")
    bones[:, _bone(f"{side}_elbow")] = _direction(angle, sign, curve("arm_depth"))
    bones[:, _bone(f"{side}_wrist")] = _direction(angle + curve("elbow"), sign, curve("forearm_depth"))


def _leg(bones: np.ndarray, curve: _Curves, side: str, sign: float, share: float) -> None:
    angle, depth = curve("leg", share), curve("leg_depth", share)
    bones[:, _bone(f"{side}_knee")] = _direction(angle, sign, depth)
    bones[:, _bone(f"{side}_ankle")] = _direction(angle - curve("knee", share), sign, 0.6 * depth)
    bones[:, _bone(f"{side}_toe")] = _direction(np.full(len(angle), 0.9), sign, np.full(len(angle), 0.5))


def _axes(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sideways and downward unit vectors, (f, 2) each, of something that leans by `angle`."""
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1)


def _direction(angle: np.ndarray, sign: float, depth: np.ndarray) -> np.ndarray:
    return np.stack([sign * np.sin(angle), np.cos(angle)], axis=1) * np.cos(depth)[:, None]


def _bone(child: str) -> int:
    return BONE_INDEX[JOINT[child]]


DATA = ASSETS / "synthetic" / "dances.safetensors"
HELD_OUT = "dance_2"
TEMPO = (0.75, 1.25)
REAL, MIXED = 0.4, 0.25  # shares of recorded dances, and of upper and lower bodies from different sources


def real_dance(name: str) -> PoseSequence:
    """Read one of the four recorded dances: body keypoints only, at 24 frames per second."""
    stored = load_file(DATA)
    body, (width, height) = stored[name].astype(np.float32), stored[f"{name}_size"].tolist()
    hands = np.zeros((len(body), 2, HAND_POINTS, 3), np.float32)
    face = np.zeros((len(body), FACE_POINTS, 3), np.float32)
    return PoseSequence(body, hands, face, width, height, FPS)


@cache
def real_motions(held_out: bool) -> tuple[Motion, ...]:
    """Return the motion of the training dances, or of the held-out one."""
    names = [f"dance_{number}" for number in (1, 2, 3, 4)]
    return tuple(
        extract_motion(real_dance(name), PROPORTION) for name in names if (name == HELD_OUT) == held_out
    )


def draw_motion(rng: np.random.Generator, times: np.ndarray, *, held_out: bool) -> Motion:
    """Draw a random motion.

    Args:
        rng: Source of randomness.
        times: (f,), ascending sample times from 0, in frames at 24 frames per second.
        held_out: Whether to use the held-out dance instead of the training dances.

    Returns:
        The motion at f times, mirrored half of the time.

    """
    times = times * rng.uniform(*TEMPO)
    kind = rng.random()
    if kind < REAL:
        motion = _excerpt(rng, times, held_out)
    elif kind < REAL + MIXED:
        halves = [_excerpt(rng, times, held_out), _choreographed(rng, times)]
        first = int(rng.integers(2))
        motion = halves[first].with_legs_of(halves[1 - first])
    else:
        motion = _choreographed(rng, times)
    return motion.mirrored() if rng.random() < 0.5 else motion


def _excerpt(rng: np.random.Generator, times: np.ndarray, held_out: bool) -> Motion:
    dances = real_motions(held_out)
    dance = dances[int(rng.integers(len(dances)))]
    start = rng.uniform(0, max(0.0, len(dance) - 1 - times[-1]))
    return dance.at(start + times)


def _choreographed(rng: np.random.Generator, times: np.ndarray) -> Motion:
    return choreograph(rng, int(times[-1]) + 2).at(times)
