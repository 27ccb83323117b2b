"""Names of bones in the conventions of other programs, as data, and how a name is taken apart.

Each table maps a joint, without its side, to the names of the bone that begins at it. Names are compared
without namespaces, prefixes, sides, separators, capitals and leading zeros of numbers:
"mixamorig:LeftForeArm", "DEF-forearm.L" and "forearm_l" are all the left "forearm".
"""

import re
from typing import Literal

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
FINGERS = ("thumb", "index", "middle", "ring", "little")
FINGER_JOINTS = tuple(f"{finger}_{number}" for finger in FINGERS for number in (1, 2, 3, 4))
FACE = ("eye", "ear")
SIDED = (*LIMBS, "toe", *FACE, "hand_root", *FINGER_JOINTS)
UNSIDED = ("neck", "nose", "head")
REQUIRED = tuple(f"{side}_{joint}" for joint in LIMBS for side in SIDES)
JOINTS = (*UNSIDED, *(f"{side}_{joint}" for joint in SIDED for side in SIDES))
"""The joints that a bone can be mapped to: those of OpenPose, the head, and the points of the hands.

neck and nose, eyes and ears are only mapped where the file has points for them: OpenPose's neck is the middle
of the shoulders, and the face follows the head.
"""

Table = dict[str, tuple[str, ...]]


def _fingers(form: str, *names: str) -> Table:
    """Return the joints of fingers whose bones are named by a form with {finger} and {number}."""
    return {
        f"{finger}_{number}": (form.format(finger=name, number=number),)
        for finger, name in zip(FINGERS, names, strict=True)
        for number in (1, 2, 3, 4)
    }


_USUAL_FINGERS = _fingers("hand{finger}{number}", "thumb", "index", "middle", "ring", "pinky")
_ROKOKO_FINGERS: Table = {
    f"{finger}_{number}": (f"finger{place}{part}", f"hand{name}{number}")
    for place, (finger, name) in enumerate(
        zip(FINGERS, ("thumb", "index", "middle", "ring", "pinky"), strict=True), start=1
    )
    for number, part in enumerate(
        ("metacarpal", "proximal", "distal", "tip")
        if finger == "thumb"
        else ("proximal", "medial", "distal", "tip"),
        start=1,
    )
}
_BLENDER_FINGERS: Table = {
    f"{finger}_{number}": tuple(f"{name}{number}" for name in names)
    for finger, names in {
        "thumb": ("thumb",),
        "index": ("findex", "index"),
        "middle": ("fmiddle", "middle"),
        "ring": ("fring", "ring"),
        "little": ("fpinky", "pinky"),
    }.items()
    for number in (1, 2, 3, 4)
}

CONVENTIONS: dict[str, Table] = {
    # What `write_bvh` writes: OpenPose's own joints.
    "openpose": {joint: (joint.replace("_", ""),) for joint in (*UNSIDED, *SIDED)},
    # Mixamo, MotionBuilder's HumanIK and most libraries; also the CMU recordings as BVH.
    "mixamo": {
        "shoulder": ("arm",), "elbow": ("forearm",), "wrist": ("hand",),
        "hip": ("upleg",), "knee": ("leg",), "ankle": ("foot",), "toe": ("toebase", "toe"),
        "head": ("head",), **_USUAL_FINGERS,
    },
    "rokoko": {
        "shoulder": ("arm",), "elbow": ("forearm",), "wrist": ("hand",),
        "hip": ("thigh",), "knee": ("shin",), "ankle": ("foot",), "toe": ("toe",),
        "head": ("head",), **_ROKOKO_FINGERS,
    },
    # The original CMU skeleton, which is ASF, after conversion.
    "cmu": {
        "shoulder": ("humerus",), "elbow": ("radius",), "wrist": ("wrist", "hand"),
        "hip": ("femur",), "knee": ("tibia",), "ankle": ("foot",), "toe": ("toes",),
        "head": ("head",),
    },
    # Blender's human meta-rig and rigify; also Unreal, Daz and 3ds Max, whose names differ little.
    "blender": {
        "shoulder": ("upperarm", "upperarmfk", "shldr"), "elbow": ("forearm", "forearmfk", "lowerarm"),
        "wrist": ("hand", "handfk"), "hip": ("thigh", "thighfk", "upperleg"),
        "knee": ("shin", "shinfk", "calf", "lowerleg"), "ankle": ("foot", "footfk"),
        "toe": ("toe", "toefk", "toes", "ball", "toe0"), "head": ("head", "spine6"), **_BLENDER_FINGERS,
    },
    # Biovision's first files and those of several data sets: bones named like joints.
    "biovision": {
        "shoulder": ("shoulder", "uparm"), "elbow": ("elbow", "lowarm"), "wrist": ("wrist", "hand"),
        "hip": ("hip", "upleg"), "knee": ("knee", "lowleg"), "ankle": ("ankle", "foot"),
        "toe": ("toe", "toes"), "head": ("head",), **_USUAL_FINGERS,
    },
}  # fmt: skip

_SIDE_WORDS: dict[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}
_PREFIX = re.compile(
    r"^(mixamorig\d*|def|org|bip\d*|cc_base|character\d*)(?=[-_ .:]|[A-Z])[-_ .:]*", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def split_bone_name(name: str) -> tuple[Side | None, str]:
    """Return the side of a bone, None if its name has none, and its name without all that varies."""
    plain = _PREFIX.sub("", re.split(r"[:|]", name)[-1])
    words = [str(int(word)) if word.isdecimal() else word.lower() for word in _WORD.findall(plain)]
    for place in (0, -1):
        if len(words) > 1 and words[place] in _SIDE_WORDS:
            side = _SIDE_WORDS[words.pop(place)]
            return side, "".join(words)
    return None, "".join(words)
