"""Training samples of the small pose models: augmented frames with one dancer, and its keypoints."""

import io
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from ...pose.keypoints import BODY, FACE, HANDS, JOINT, LIMBS, seen
from ..synthetic.anatomy import apply_motion, draw_placement
from ..synthetic.backdrop import draw_backdrop
from ..synthetic.dances import draw_motion
from ..synthetic.look import Look, draw_character_look, draw_person_look
from ..synthetic.motion import BONE_INDEX, Motion
from ..synthetic.render import render

SIZES = ((128, 192),) * 4 + ((192, 288),) * 3 + ((160, 160), (192, 144), (256, 144), (288, 432))
USUAL_SHARE, ANY_SHARE = (0.5, 0.8), (0.25, 0.9)  # ranges of the frame height that the dancer fills
# Limbs that bodies in hard samples lack; repeated ones are drawn more often.
LACKED = (
    *[("arms",)] * 4, *[("legs",)] * 3, ("arms", "legs"),
    ("left_arm",), ("right_arm",), ("left_leg",), ("right_leg",),
)  # fmt: skip
LACKING_SHARE = 0.3  # share of hard samples whose body lacks limbs
CROSSING_SHARE = 0.5  # share of hard samples whose legs cross, or nearly
CROSSING_DRAWS = 6  # motions from which the one with the most crossed legs is taken
MAX_TURN = 0.5  # largest turn of thighs and shins inwards, in radians
MARGIN = 0.05  # margin of a box around all points, relative to its longer side


@dataclass(frozen=True, eq=False)
class PoseSample:
    """A frame with known keypoints.

    Attributes:
        frame: (h, w, 3) uint8 in RGB.
        points: (133, 3), points of COCO-WholeBody: x and y in pixels and 1, or zeros for a point that is not
            in the frame.

    """

    frame: np.ndarray
    points: np.ndarray

    def box(self) -> np.ndarray:
        """Return left, top, right and bottom (4,) of the dancer within the frame; zeros without a dancer."""
        shown = self.points[seen(self.points), :2]
        if not len(shown):
            return np.zeros(4)
        low, high = shown.min(axis=0), shown.max(axis=0)
        margin = MARGIN * (high - low).max()
        height, width = self.frame.shape[:2]
        return np.clip([*(low - margin), *(high + margin)], 0, [width, height] * 2)


def shot(number: int) -> PoseSample:
    """Generate a training frame; two consecutive numbers share a rendering."""
    clean, rng = _rendered(number // 2), np.random.default_rng([22, number])
    return replace(clean, frame=degrade(rng, clean.frame))


def hard_shot(number: int) -> PoseSample:
    """Generate a training frame as `shot`, but often of a body that lacks limbs or with crossing legs."""
    clean, rng = _rendered(number // 2, hard=True), np.random.default_rng([25, number])
    return replace(clean, frame=degrade(rng, clean.frame))


@lru_cache(maxsize=2)
def _rendered(number: int, hard: bool = False) -> PoseSample:
    rng = np.random.default_rng([24 if hard else 21, number])
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    backdrop = draw_backdrop(rng, width, height)
    if rng.random() < 0.03:
        return PoseSample(np.asarray(backdrop.reduce(2)), np.zeros((133, 3)))
    look = draw_character_look(rng) if rng.random() < 0.55 else draw_person_look(rng)
    motion = draw_motion(rng, np.zeros(1), held_out=False)
    if hard:
        look, motion = _without_limbs(rng, look), _with_crossing_legs(rng, motion)
    usual = rng.random() < 0.6
    where = draw_placement(rng, look.anatomy, width, height, USUAL_SHARE if usual else ANY_SHARE)
    if not usual:
        ground = rng.uniform(0.6, 1.1) * height
        where = replace(where, middle=rng.uniform(0.2, 0.8) * width, ground=ground)
    poses = apply_motion(look.anatomy, motion, where)
    frame = next(render(look, poses, where.stature, backdrop))
    return PoseSample(frame, _shown(to_coco_wholebody(poses.points[0]) * [width, height, 1], width, height))


def _without_limbs(rng: np.random.Generator, look: Look) -> Look:
    """Remove limbs from some of the bodies."""
    if rng.random() > LACKING_SHARE:
        return look
    missing = LACKED[int(rng.integers(len(LACKED)))]
    return replace(look, anatomy=replace(look.anatomy, missing=missing))


def _with_crossing_legs(rng: np.random.Generator, motion: Motion) -> Motion:
    """Replace some of the motions: by one whose legs cross, or by one whose legs are turned inwards."""
    kind = rng.random()
    if kind > CROSSING_SHARE:
        return motion
    if kind > CROSSING_SHARE / 2:
        others = [draw_motion(rng, np.zeros(1), held_out=False) for _ in range(CROSSING_DRAWS)]
        return min(others, key=_distance_of_ankles)
    bones = motion.bones.copy()
    for side, sign in (("left", _facing(motion)), ("right", -_facing(motion))):
        for name in ("knee", "ankle"):
            vector, angle = bones[0, _bone(side, name)], sign * rng.uniform(0, MAX_TURN)
            sine, cosine = np.sin(angle), np.cos(angle)
            bones[0, _bone(side, name)] = vector @ [[cosine, sine], [-sine, cosine]]
    return replace(motion, bones=bones)


def _distance_of_ankles(motion: Motion) -> float:
    """Return how far the ankles are apart sideways, in lengths of bones; negative where the legs cross."""
    left, right = (
        sum(motion.bones[0, _bone(side, name), 0] for name in ("hip", "knee", "ankle"))
        for side in ("left", "right")
    )
    return float(left - right) * _facing(motion)


def _facing(motion: Motion) -> float:
    """Return 1 if the left hip is to the right in the image, as from the front, else -1."""
    hips = [motion.bones[0, _bone(side, "hip"), 0] for side in ("left", "right")]
    return 1.0 if hips[0] >= hips[1] else -1.0


def _bone(side: str, name: str) -> int:
    return BONE_INDEX[JOINT[f"{side}_{name}"]]


def to_coco_wholebody(points: np.ndarray) -> np.ndarray:
    """Convert points (130, 3) of a PoseSequence to COCO-WholeBody (133, 3); heels are set to the ankles."""
    body, found = points[BODY], np.zeros((133, 3))
    found[0], found[list(LIMBS)] = body[JOINT["nose"]], body[2:18]
    for toe, side in ((17, "left"), (20, "right")):
        found[toe : toe + 2] = body[JOINT[f"{side}_toe"]]
        found[toe + 2] = body[JOINT[f"{side}_ankle"]]
    found[23:91], found[91:112], found[112:133] = points[FACE], points[HANDS[0]], points[HANDS[1]]
    return found


def degrade(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """Augment a frame (h, w, 3) uint8 with the effects of cameras and codecs: light, blur, scaling, JPEG."""
    image = Image.fromarray(_relit(rng, frame))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.3:
        size, factor = image.size, rng.uniform(0.45, 0.9)
        image = image.resize((round(size[0] * factor), round(size[1] * factor)), Image.Resampling.BILINEAR)
        image = image.resize(size, Image.Resampling.BILINEAR)
    if rng.random() < 0.4:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(20, 90)))
        image = Image.open(file, formats=("JPEG",))
    return np.asarray(image)


def _relit(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    if rng.random() < 0.4:
        return frame
    gain, shift = rng.uniform(0.7, 1.2, 3), rng.uniform(-25, 25, 3)
    gray = np.arange(256)[:, None] * gain + shift
    table = np.clip(gray, 0, 255).astype(np.uint8)
    colors = rng.permutation(3) if rng.random() < 0.5 else np.arange(3)
    return np.stack([table[frame[..., color], index] for index, color in enumerate(colors)], axis=-1)


def _shown(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Set points that are missing or outside the frame to zero."""
    inside = ((points[:, :2] >= 0) & (points[:, :2] < [width, height])).all(axis=1) & seen(points)
    return np.where(inside[:, None], points, 0.0)
