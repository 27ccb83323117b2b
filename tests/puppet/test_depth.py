"""Limbs that cover each other: the one in front stays whole, whichever it is."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from animatex_core.pose.keypoints import JOINT, PoseSequence
from animatex_core.puppet.puppet import puppet_frames
from animatex_core.puppet.skeleton import SIDES
from tests.puppet.figures import BLUE, GREEN, HEIGHT, RED, WHITE, WIDTH, Color, moved, near, standing

APART = {
    "right_hip": (0.47, 0.53),
    "left_hip": (0.53, 0.53),
    "right_knee": (0.4, 0.68),
    "left_knee": (0.6, 0.68),
    "right_ankle": (0.35, 0.82),
    "left_ankle": (0.65, 0.82),
}
CROSSED = {
    **APART,
    "right_knee": (0.53, 0.68),
    "left_knee": (0.47, 0.68),
    "right_ankle": (0.57, 0.82),
    "left_ankle": (0.43, 0.82),
}


def place(poses: PoseSequence, joint: str) -> tuple[float, float]:
    """Return where a joint is, in pixels."""
    return tuple(poses.body[0, JOINT[joint], :2] * (WIDTH, HEIGHT))


def drawn(poses: PoseSequence, front: str, colors: dict[str, Color], outline: int) -> np.ndarray:
    """Draw a red body whose legs of these colours have a dark outline, the one in front last."""
    image = Image.new("RGB", (WIDTH, HEIGHT), WHITE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((104, 48, 151, 210), fill=RED)
    for side in sorted(SIDES, key=lambda side: side == front):
        joints = [place(poses, f"{side}_{name}") for name in ("hip", "knee", "ankle")]
        for color, radius in (((20, 20, 20), 9 + outline), (colors[side], 9)):
            pen.line(joints, fill=color, width=2 * radius)
            for x, y in joints[1:]:
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    return np.asarray(image)


@pytest.mark.parametrize("front", SIDES)
@pytest.mark.parametrize("outline", [0, 2])
def test_the_leg_in_front_stays_whole_when_legs_uncross(front: str, outline: int) -> None:
    colors = {"right": GREEN, "left": BLUE} if outline == 0 else {"right": GREEN, "left": GREEN}
    crossed, apart = moved(standing(), **CROSSED), moved(standing(), **APART)
    frames, _ = puppet_frames(drawn(crossed, front, colors, outline), crossed, apart)
    for side in SIDES if outline == 0 else (front,):
        assert near(frames[0], colors[side])[along_thigh(apart, side)].all()


@pytest.mark.parametrize("front", SIDES)
def test_the_leg_in_front_stays_in_front(front: str) -> None:
    colors = {"right": GREEN, "left": BLUE}
    crossed = moved(standing(), **CROSSED)
    further = moved(crossed, right_knee=(0.58, 0.66), left_knee=(0.42, 0.66))
    frames, _ = puppet_frames(drawn(crossed, front, colors, 0), crossed, further)
    assert near(frames[0], colors[front])[along_thigh(further, front)].all()


def along_thigh(poses: PoseSequence, side: str) -> np.ndarray:
    """Return the pixels (h, w) in the middle of a thigh, below the torso."""
    image = Image.new("1", (WIDTH, HEIGHT))
    hip, knee = (np.array(place(poses, f"{side}_{name}")) for name in ("hip", "knee"))
    ImageDraw.Draw(image).line([tuple(hip + part * (knee - hip)) for part in (0.35, 1)], fill=1, width=13)
    return np.asarray(image)


FOLDED = {
    "right_elbow": (0.33, 0.42),
    "left_elbow": (0.67, 0.42),
    "right_wrist": (0.62, 0.33),
    "left_wrist": (0.38, 0.37),
}


def test_a_hand_on_the_other_arm_goes_with_its_own() -> None:
    """Where it is not known which arm is in front, forearms are."""
    folded = moved(standing(), **FOLDED)
    image = Image.new("RGB", (WIDTH, HEIGHT), WHITE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((104, 48, 151, 320), fill=RED)
    for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist")):
        for side in SIDES:
            pen.line([place(folded, f"{side}_{joint}") for joint in (upper, lower)], fill=BLUE, width=16)
    for side in SIDES:
        x, y = place(folded, f"{side}_wrist")
        pen.ellipse((x - 10, y - 10, x + 10, y + 10), fill=GREEN)
    frames, _ = puppet_frames(np.asarray(image), folded, standing())
    rows, columns = np.nonzero(near(frames[0], GREEN))
    wrists = [place(standing(), f"{side}_wrist") for side in SIDES]
    away = np.min([np.hypot(columns - x, rows - y) for x, y in wrists], axis=0)
    assert len(rows) > 300
    assert (away < 30).mean() > 0.95
