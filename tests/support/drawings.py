"""A simple drawn character and dancer."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from animatex_core.pose.keypoints import JOINT, PoseSequence, seen

CLOTH = (60, 76, 120)
TRUNK = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
LIMBS = (
    ("neck", "left_hip"),
    ("neck", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("right_ankle", "right_toe"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("left_ankle", "left_toe"),
)


def draw_character() -> Image.Image:
    """A pear with arms and legs, 384x512, on nothing: its alpha says where it is."""
    picture = Image.new("RGBA", (384, 512))
    draw = ImageDraw.Draw(picture)
    skin, dark = (173, 207, 84, 255), (96, 84, 44, 255)
    for start, end in (((140, 300), (70, 380)), ((244, 300), (314, 380))):
        draw.line([start, end], fill=dark, width=14)
    for x in (155, 229):
        draw.line([(x, 400), (x, 486)], fill=dark, width=16)
        draw.ellipse([x - 26, 472, x + 20, 498], fill=dark)
    draw.ellipse([130, 90, 254, 250], fill=skin)
    draw.ellipse([92, 190, 292, 420], fill=skin)
    draw.line([(192, 96), (200, 50)], fill=dark, width=10)
    for x in (168, 216):
        draw.ellipse([x - 14, 166, x + 14, 194], fill="white")
        draw.ellipse([x - 6, 174, x + 6, 186], fill="black")
    draw.arc([160, 190, 224, 232], 20, 160, fill=dark, width=5)
    return picture


def draw_dancer(poses: PoseSequence) -> Iterator[np.ndarray]:
    """Draw a person of thick limbs in every pose: (height, width, 3) uint8."""
    for body in poses.body:
        picture = Image.new("RGB", (poses.width, poses.height), (225, 222, 214))
        draw = ImageDraw.Draw(picture)
        places = body[:, :2] * (poses.width, poses.height)
        shown = seen(body)
        width = poses.height // 22
        trunk = [JOINT[name] for name in TRUNK]
        if shown[trunk].all():
            draw.polygon(list(map(tuple, places[trunk])), fill=CLOTH)
        for upper, lower in LIMBS:
            ends = [JOINT[upper], JOINT[lower]]
            if shown[ends].all():
                draw.line(list(map(tuple, places[ends])), fill=CLOTH, width=width)
        if shown[JOINT["nose"]]:
            (x, y), radius = places[JOINT["nose"]], 1.6 * width
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(214, 160, 130))
        yield np.asarray(picture)
