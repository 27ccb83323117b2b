"""The example of motion capture: a choreography in three dimensions, written as a BVH file.

`python -m animatex_core.training.synthetic.motion_capture` writes it again, byte for byte.
"""

import numpy as np

from ...assets.demo_files import FPS, MOTION
from ...motion.kinematics import pose_at
from ...motion.skeleton import NO_PARENT, POSITIONS, MotionCapture, Skeleton
from ...motion.writer import format_bvh
from ...pose.keypoints import JOINT
from ...utils.files import write_text
from .dances import choreograph
from .motion import BONE_INDEX, Motion

SEED, FRAMES = 2, 97  # four seconds
HEIGHT = 170.0  # centimetres
DIGITS = 3
TURN = 0.9  # radians by which the dancer turns to either side, in addition to the choreography
ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
# Name, parent, and offset in statures in the rest pose: a T, seen from the front, with Y up.
JOINTS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("Hips", "", (0.0, 0.53, 0.0)),
    ("Spine", "Hips", (0.0, 0.06, 0.0)), ("Chest", "Spine", (0.0, 0.13, 0.0)),
    ("Neck", "Chest", (0.0, 0.13, 0.0)), ("Head", "Neck", (0.0, 0.05, 0.01)),
    *(joint for side, sign in (("Left", 1), ("Right", -1)) for joint in (
        (f"{side}Shoulder", "Chest", (sign * 0.02, 0.1, 0.0)),
        (f"{side}Arm", f"{side}Shoulder", (sign * 0.085, 0.0, 0.0)),
        (f"{side}ForeArm", f"{side}Arm", (sign * 0.16, 0.0, 0.0)),
        (f"{side}Hand", f"{side}ForeArm", (sign * 0.14, 0.0, 0.0)),
        (f"{side}UpLeg", "Hips", (sign * 0.055, -0.01, 0.0)),
        (f"{side}Leg", f"{side}UpLeg", (0.0, -0.245, 0.0)),
        (f"{side}Foot", f"{side}Leg", (0.0, -0.235, 0.0)),
        (f"{side}ToeBase", f"{side}Foot", (0.0, -0.03, 0.07)),
    )),
)  # fmt: skip
SIGNS = {"Left": 1.0, "Right": -1.0}
ARM, LEG = ("elbow", "wrist"), ("knee", "ankle")  # where the two bones of each limb end
OUTWARD = 0.4  # radians by which feet point outward


def write_demo_motion() -> None:
    """Write the file of the demo."""
    write_text(MOTION, "".join(format_bvh(choreographed(), DIGITS)))


def choreographed() -> MotionCapture:
    """Return a random choreography, of the kind that the small models are trained on, as a recording.

    Its bones are directions in the image. Their depth is what their length lacks: arms and legs point
    forward, as the choreography means them. The dancer also turns to both sides, which images cannot show.
    """
    motion = choreograph(np.random.default_rng(SEED), FRAMES)
    world = _rotations(motion)
    columns = [np.zeros((FRAMES, 3))]
    for name, parent, _ in JOINTS:
        local = world[name] if not parent else world[parent].swapaxes(1, 2) @ world[name]
        columns.append(_angles(local))
    skeleton = _skeleton()
    values = np.concatenate(columns, axis=1)
    values[:, 0] = motion.sway * HEIGHT
    lowest = pose_at(MotionCapture(skeleton, values, 1 / FPS), np.arange(FRAMES)).places[..., 1].min(axis=1)
    values[:, 1] = motion.lift * HEIGHT - lowest
    return MotionCapture(skeleton, values, 1 / FPS)


def _skeleton() -> Skeleton:
    names = [name for name, _, _ in JOINTS]
    parents = tuple(names.index(parent) if parent else NO_PARENT for _, parent, _ in JOINTS)
    channels = tuple(ROTATIONS if parent else (*POSITIONS, *ROTATIONS) for _, parent, _ in JOINTS)
    return Skeleton(tuple(names), parents, HEIGHT * np.array([offset for _, _, offset in JOINTS]), channels)


def _rotations(motion: Motion) -> dict[str, np.ndarray]:
    """Return the rotation (f, 3, 3) of every bone in the world."""
    lean, yaw, tilt = _trunk(motion)
    turn = _about_y(TURN * np.sin(np.linspace(0, 2 * np.pi, len(motion))))
    chest = turn @ _about_z(-lean) @ _about_y(yaw)
    world = {
        "Hips": turn @ _about_y(0.5 * yaw),
        "Spine": turn @ _about_z(-0.5 * lean) @ _about_y(0.75 * yaw),
        "Chest": chest, "Neck": chest, "Head": turn @ _about_z(-tilt) @ _about_y(1.2 * yaw),
    }  # fmt: skip
    for side, sign in SIGNS.items():
        world[f"{side}Shoulder"] = chest
        rest = np.array([sign, 0, 0])
        world[f"{side}Arm"], world[f"{side}ForeArm"] = _limb(motion, side, ARM, rest, turn)
        world[f"{side}Hand"] = world[f"{side}ForeArm"]
        world[f"{side}UpLeg"], world[f"{side}Leg"] = _limb(motion, side, LEG, np.array([0, -1, 0]), turn)
        world[f"{side}Foot"] = world[f"{side}ToeBase"] = turn @ _about_y(np.full(len(motion), sign * OUTWARD))
    return world


def _trunk(motion: Motion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, (f,) each, how far the trunk leans, how far it is turned, and how far the head leans."""
    across = _bone(motion, "left_shoulder") - _bone(motion, "right_shoulder")
    right, left = _bone(motion, "right_eye"), _bone(motion, "left_eye")
    side = (left - right) / np.linalg.norm(left - right, axis=1, keepdims=True)
    turned = np.clip(4 * np.sum((left + right) * side, axis=1), -1, 1)  # as `choreograph` places the eyes
    return (
        np.arctan2(across[:, 1], across[:, 0]),
        np.arcsin(turned),
        np.arctan2(side[:, 1], side[:, 0]),
    )


def _limb(
    motion: Motion, side: str, ends: tuple[str, str], rest: np.ndarray, turn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotations (f, 3, 3) of the upper and the lower bone of a limb."""
    upper, lower = (_lifted(_bone(motion, f"{side.lower()}_{end}")) for end in ends)
    first = _arc(np.broadcast_to(rest, upper.shape), upper)
    return turn @ first, turn @ _arc(upper, lower) @ first


def _bone(motion: Motion, child: str) -> np.ndarray:
    return motion.bones[:, BONE_INDEX[JOINT[child]]]


def _lifted(bones: np.ndarray) -> np.ndarray:
    """Return directions (f, 3), x right, y up and z forward, of bones (f, 2) in the image."""
    x, y = bones.T
    directions = np.stack([x, -y, np.sqrt(np.maximum(0, 1 - x * x - y * y))], axis=1)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the shortest rotations (f, 3, 3) from unit vectors to others that are not opposite to them."""
    axis, cosine = np.cross(start, end), np.sum(start * end, axis=1)
    skew = np.zeros((len(axis), 3, 3))
    skew[:, [2, 0, 1], [1, 2, 0]] = axis
    skew[:, [1, 2, 0], [2, 0, 1]] = -axis
    return np.eye(3) + skew + skew @ skew / (1 + cosine)[:, None, None]


def _about_y(angles: np.ndarray) -> np.ndarray:
    return _plane(angles, 2, 0)


def _about_z(angles: np.ndarray) -> np.ndarray:
    return _plane(angles, 0, 1)


def _plane(angles: np.ndarray, first: int, second: int) -> np.ndarray:
    """Return rotations (f, 3, 3) from one axis towards another."""
    result = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
    result[:, first, first] = result[:, second, second] = np.cos(angles)
    result[:, second, first], result[:, first, second] = np.sin(angles), -np.sin(angles)
    return result


def _angles(rotations: np.ndarray) -> np.ndarray:
    """Return the degrees (f, 3) about Z, X and Y, in this order, of rotations (f, 3, 3)."""
    x = np.arcsin(np.clip(rotations[:, 2, 1], -1, 1))
    z = np.arctan2(-rotations[:, 0, 1], rotations[:, 1, 1])
    y = np.arctan2(-rotations[:, 2, 0], rotations[:, 2, 2])
    return np.degrees(np.stack([z, x, y], axis=1))


if __name__ == "__main__":
    write_demo_motion()
