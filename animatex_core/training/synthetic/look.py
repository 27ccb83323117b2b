"""The appearance of a character: what the renderer needs to know, drawn at random."""

import colorsys
from dataclasses import dataclass

import numpy as np

from ...retarget.bones import KIND, KINDS, PROPORTION
from .anatomy import Anatomy, draw_person_anatomy

Color = tuple[int, int, int]

# Half width of a trunk from top to bottom, relative to its maximum.
PROFILES = {
    "pear": (0.05, 0.45, 0.6, 0.62, 0.75, 0.95, 1.0, 0.9, 0.55, 0.1),
    "apple": (0.1, 0.7, 0.92, 1.0, 1.0, 0.97, 0.9, 0.75, 0.5, 0.1),
    "egg": (0.1, 0.5, 0.72, 0.86, 0.95, 1.0, 0.98, 0.88, 0.62, 0.1),
    "box": (0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95),
    "carton": (0.35, 0.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "bottle": (0.35, 0.38, 0.4, 0.75, 0.95, 1.0, 1.0, 1.0, 1.0, 0.9),
    "mushroom": (0.2, 0.75, 1.0, 1.0, 0.9, 0.45, 0.42, 0.42, 0.45, 0.4),
    "carrot": (0.6, 1.0, 0.98, 0.9, 0.82, 0.72, 0.62, 0.5, 0.4, 0.25),
    "lamp": (0.3, 0.45, 0.6, 0.75, 0.9, 1.0, 0.5, 0.5, 0.55, 0.6),
    "torso": (0.75, 1.0, 0.95, 0.88, 0.82, 0.78, 0.78, 0.82, 0.85, 0.8),
    "dress": (0.6, 0.8, 0.75, 0.68, 0.65, 0.7, 0.8, 0.92, 1.05, 1.15),
}
OBJECT_PROFILES = ("pear", "apple", "egg", "box", "carton", "bottle", "mushroom", "carrot", "lamp")
EARS = ("none", "round", "long", "pointed", "horns", "antennae")
TEXTURES = ("plain", "plain", "stripes", "bars", "dots", "belly")
TOPS = ("none", "leaf", "stem", "tuft", "hat")
TAILS = ("none", "none", "thin", "bushy")


@dataclass(frozen=True, eq=False)
class Look:
    """Proportions, shapes and colours of a character. Sizes are in statures.

    `face_on_trunk` is for fruit and furniture, which have no separate head.
    """

    anatomy: Anatomy
    profile: str
    trunk_width: float
    above: float  # how far the trunk extends above the neck
    below: float  # how far it extends below the hips
    face_on_trunk: bool
    limb: float  # width of arms; legs are wider by `leg`
    leg: float
    hand_size: float
    foot_size: float
    ears: str
    ear_size: float
    top: str
    tail: str
    texture: str
    eye_size: float
    outline: bool
    trunk: Color
    second: Color  # of the texture
    skin: Color  # head and ears
    arms: Color
    legs: Color
    hands: Color
    shoes: Color
    hair: Color


def draw_character_look(rng: np.random.Generator) -> Look:
    """Draw a random cartoon character: an animal, a fruit, a piece of furniture or a doll."""
    thing = rng.random() < 0.5
    head = rng.uniform(0.1, 0.19)
    profile = (
        str(rng.choice(OBJECT_PROFILES))
        if thing
        else str(rng.choice(["torso", "dress", "egg", "pear", "box"]))
    )
    width = rng.uniform(0.15, 0.26) if thing else rng.uniform(0.11, 0.18)
    anatomy = _anatomy(rng, head, width, thing)
    reach = anatomy.lengths[KIND["neck"]]
    return Look(
        anatomy=anatomy,
        profile=profile,
        trunk_width=width,
        above=reach + rng.uniform(0.7, 1.3) * head if thing else rng.uniform(0.0, 0.03),
        below=rng.uniform(0.03, 0.08),
        face_on_trunk=thing,
        limb=rng.uniform(0.045, 0.085),
        leg=rng.uniform(1.0, 1.4),
        hand_size=rng.uniform(0.04, 0.07),
        foot_size=rng.uniform(0.04, 0.07),
        ears="none" if thing and rng.random() < 0.7 else str(rng.choice(EARS)),
        ear_size=rng.uniform(0.6, 1.0) * head,
        top=str(rng.choice(TOPS)),
        tail=str(rng.choice(TAILS)),
        texture=str(rng.choice(TEXTURES)),
        eye_size=rng.uniform(0.17, 0.3),
        outline=bool(rng.random() < 0.4),
        **_colors(rng),
    )


def draw_person_look(rng: np.random.Generator) -> Look:
    """Draw a random human dancer in clothes."""
    anatomy = draw_person_anatomy(rng)
    skin = _color(rng, hue=rng.uniform(0.03, 0.09), saturation=(0.25, 0.6), value=(0.4, 0.95))
    colors = _colors(rng) | {"skin": skin, "hands": skin}
    if rng.random() < 0.4:
        colors["arms"] = skin
    return Look(
        anatomy=anatomy,
        profile="dress" if rng.random() < 0.2 else "torso",
        trunk_width=rng.uniform(0.085, 0.12),
        above=0.015,
        below=rng.uniform(0.02, 0.05),
        face_on_trunk=False,
        limb=rng.uniform(0.04, 0.06),
        leg=rng.uniform(1.1, 1.5),
        hand_size=rng.uniform(0.028, 0.04),
        foot_size=rng.uniform(0.03, 0.045),
        ears="none",
        ear_size=0.0,
        top="tuft" if rng.random() < 0.8 else "hat",
        tail="none",
        texture=str(rng.choice(["plain", "plain", "stripes"])),
        eye_size=rng.uniform(0.12, 0.18),
        outline=False,
        **colors,
    )


def _anatomy(rng: np.random.Generator, head: float, width: float, thing: bool) -> Anatomy:
    lengths = PROPORTION * rng.uniform(0.8, 1.2, len(KINDS))
    lengths[KIND["torso"]] *= rng.uniform(0.7, 1.05)
    for pair, low, high in ((("upper_arm", "forearm"), 0.75, 1.35), (("thigh", "shin"), 0.5, 1.1)):
        lengths[[KIND[kind] for kind in pair]] *= rng.uniform(low, high)
    lengths[KIND["neck"]] = rng.uniform(0.3, 0.6) * head if thing else rng.uniform(0.85, 1.1) * head
    lengths[KIND["shoulder"]] = width * rng.uniform(0.75, 1.0)
    lengths[KIND["face"]] = 0.45 * head
    missing = [part for part, share in (("arms", 0.05), ("legs", 0.05)) if rng.random() < share]
    return Anatomy(lengths, head, hand=rng.uniform(0.08, 0.12), missing=tuple(missing))


def _colors(rng: np.random.Generator) -> dict[str, Color]:
    trunk = _color(rng)
    skin = trunk if rng.random() < 0.4 else _color(rng)
    arms = skin if rng.random() < 0.5 else _color(rng)
    legs = arms if rng.random() < 0.5 else _color(rng)
    hands = _color(rng, saturation=(0.0, 0.3), value=(0.9, 1.0)) if rng.random() < 0.4 else _color(rng)
    return {
        "trunk": trunk,
        "second": _color(rng),
        "skin": skin,
        "arms": arms,
        "legs": legs,
        "hands": hands,
        "shoes": _color(rng),
        "hair": _color(rng, value=(0.1, 0.7)),
    }


def _color(
    rng: np.random.Generator,
    hue: float | None = None,
    saturation: tuple[float, float] = (0.25, 0.9),
    value: tuple[float, float] = (0.35, 1.0),
) -> Color:
    own = rng.random() if hue is None else hue
    red, green, blue = colorsys.hsv_to_rgb(own, rng.uniform(*saturation), rng.uniform(*value))
    return round(red * 255), round(green * 255), round(blue * 255)
