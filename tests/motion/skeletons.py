"""BVH files for tests: the names of several programs, and a person who stands as a T and turns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from animatex_core.motion.skeleton import POSITIONS, MotionCapture, Skeleton
from animatex_core.motion.writer import format_bvh

FILES = Path(__file__).parent / "files"
ROTATIONS = ("Zrotation", "Yrotation", "Xrotation")
BODY = {  # name, parent, offset in metres; for {side}, x of the right is negative
    "hips": ("", (0, 0, 0)),
    "chest": ("hips", (0, 0.3, 0)),
    "head": ("chest", (0, 0.3, 0)),
    "{side}_clavicle": ("chest", (0.03, 0.2, 0)),
    "{side}_shoulder": ("{side}_clavicle", (0.15, 0, 0)),
    "{side}_elbow": ("{side}_shoulder", (0.27, 0, 0)),
    "{side}_wrist": ("{side}_elbow", (0.25, 0, 0)),
    "{side}_hip": ("hips", (0.1, -0.02, 0)),
    "{side}_knee": ("{side}_hip", (0, -0.43, 0)),
    "{side}_ankle": ("{side}_knee", (0, -0.41, 0)),
    "{side}_toe": ("{side}_ankle", (0, -0.06, 0.13)),
}


def _of_limbs(start: str, form: str, limbs: str) -> str:
    """Return names of the trunk, and of limbs in the form of a program."""
    return f"{start} {' '.join(form.format(limb) for limb in limbs.split())}"


_MIXAMO = "Shoulder Arm ForeArm Hand UpLeg Leg Foot ToeBase"
_RIGIFY = "shoulder upper_arm forearm hand thigh shin foot toe"
NAMES = {  # of the joints in BODY, by programs
    "mixamo": _of_limbs("mixamorig:Hips mixamorig:Spine mixamorig:Head", "mixamorig:{{Side}}{}", _MIXAMO),
    "mixamo_1": _of_limbs(
        "mixamorig1:Hips mixamorig1:Spine mixamorig1:Head", "mixamorig1:{{Side}}{}", _MIXAMO
    ),
    "cmu": _of_limbs("Hips Spine1 Head", "{{Side}}{}", _MIXAMO),
    "cmu_asf": _of_limbs(
        "root thorax head", "{{s}}{}", "clavicle humerus radius wrist femur tibia foot toes"
    ),
    "rokoko": _of_limbs("Hips Spine4 Head", "{{Side}}{}", "Shoulder Arm ForeArm Hand Thigh Shin Foot Toe"),
    "blender": _of_limbs("spine spine.003 spine.006", "{}.{{S}}", _RIGIFY),
    "rigify": _of_limbs("DEF-spine DEF-spine.003 DEF-spine.006", "DEF-{}.{{S}}", _RIGIFY),
    "unreal": _of_limbs(
        "pelvis spine_03 head", "{}_{{s}}", "clavicle upperarm lowerarm hand thigh calf foot ball"
    ),
    "biovision": _of_limbs("Hips Chest Head", "{{Side}}{}", "Collar Shoulder Elbow Wrist Hip Knee Ankle Toe"),
    "daz": _of_limbs("hip chest head", "{{s}}{}", "Collar Shldr ForeArm Hand Thigh Shin Foot Toe"),
}
SIDES = {"left": 1, "right": -1}


def skeleton(names: str | Sequence[str] | None = None, up: str = "y", scale: float = 1.0) -> Skeleton:
    """Return the skeleton of BODY, by default with its own names; up: y or z; scale: units per metre."""
    given = names.split() if isinstance(names, str) else (names or list(BODY))
    rows = []
    for (joint, (parent, offset)), name in zip(BODY.items(), given, strict=True):
        for side, sign in SIDES.items() if "{side}" in joint else [("left", 1)]:
            words = {"side": side, "Side": side.title(), "S": side[0].upper(), "s": side[0]}
            rows.append(
                (
                    joint.format(**words),
                    parent.format(**words),
                    (sign * offset[0], *offset[1:]),
                    name.format(**words),
                )
            )
    order = [row[0] for row in rows]
    offsets = scale * np.array([row[2] for row in rows], float)
    if up == "z":
        offsets = offsets[:, [0, 2, 1]] * [1, -1, 1]
    parents = tuple(order.index(row[1]) if row[1] else -1 for row in rows)
    channels = tuple((*POSITIONS, *ROTATIONS) if parent < 0 else ROTATIONS for parent in parents)
    return Skeleton(tuple(row[3] for row in rows), parents, offsets, channels)


def recording(own: Skeleton, frames: int = 3, fps: float = 30.0, **turns: Sequence[float]) -> MotionCapture:
    """Return a recording without motion, except for rotations of channels such as `Hips_Yrotation`."""
    values = np.zeros((frames, own.num_channels))
    for key, angles in turns.items():
        name, channel = key.rsplit("_", 1)
        joint = own.names.index(name)
        values[:, own.columns[joint] + own.channels[joint].index(channel)] = angles
    return MotionCapture(own, values, 1 / fps)


def write(path: Path, capture: MotionCapture) -> Path:
    """Write a recording."""
    path.write_text("".join(format_bvh(capture)), encoding="utf-8")
    return path
