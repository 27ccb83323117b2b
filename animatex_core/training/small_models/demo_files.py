"""Regenerates the files of the demo: `python -m animatex_core.training.small_models.demo_files`.

Neither the dance nor the characters were used in training. The characters of TRAITS have the style of the
training images; those of STYLES do not.
"""

import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from ...assets.demo_files import CHARACTERS, CLIP, DANCE, FPS, OTHER_STYLES
from ...pose.formats.reader import read_poses, write_poses
from ...pose.keypoints import PoseSequence
from ...retarget.bones import PROPORTION
from ...video.audio import AudioSource
from ...video.image import write_image
from ...video.writer import write_clip
from ..other_styles.crayon_robot import draw_robot
from ..other_styles.painted_bear import draw_bear
from ..synthetic.anatomy import apply_motion, draw_placement
from ..synthetic.backdrop import SCALE, draw_backdrop
from ..synthetic.dances import draw_standing_pose
from ..synthetic.look import Look, draw_character_look, draw_person_look
from ..synthetic.motion import Motion, extract_motion
from ..synthetic.render import render
from ..synthetic.triples import TEST_SEED

WIDTH, HEIGHT = 256, 384
SHARE = (0.62, 0.68)  # range of the image height that a figure fills
DANCER = 2  # seed of the dancer
RATE = 44100  # audio samples per second
BEATS = 2  # per second
# The seed of each character, and the attributes that make it a rabbit, a pear or a carton.
TRAITS: dict[str, tuple[int, dict[str, Any]]] = {
    "rabbit": (42, {
        "profile": "egg", "face_on_trunk": False, "ears": "long", "top": "tuft", "tail": "bushy",
        "texture": "belly", "above": 0.02, "trunk": (146, 164, 212), "second": (244, 238, 226),
        "skin": (176, 192, 232), "arms": (146, 164, 212), "legs": (112, 130, 184), "hands": (250, 246, 240),
        "shoes": (214, 96, 92), "hair": (112, 130, 184),
    }),
    "pear": (40, {
        "profile": "pear", "face_on_trunk": True, "ears": "none", "top": "leaf", "tail": "none",
        "texture": "plain", "trunk": (176, 204, 72), "second": (82, 150, 68), "arms": (122, 92, 52),
        "legs": (122, 92, 52), "hands": (248, 244, 238), "shoes": (196, 72, 60), "hair": (92, 70, 44),
    }),
    "carton": (43, {
        "profile": "carton", "face_on_trunk": True, "ears": "none", "top": "stem", "tail": "none",
        "texture": "bars", "trunk": (248, 158, 52), "second": (252, 226, 150), "arms": (70, 120, 176),
        "legs": (70, 120, 176), "hands": (250, 250, 250), "shoes": (58, 78, 128), "hair": (210, 60, 70),
    }),
    "cat": (49, {
        "profile": "torso", "face_on_trunk": False, "ears": "pointed", "top": "none", "tail": "thin",
        "texture": "stripes", "above": 0.02, "trunk": (190, 72, 112), "second": (248, 206, 96),
        "skin": (240, 170, 84), "arms": (240, 170, 84), "legs": (88, 74, 132), "hands": (252, 244, 230),
        "shoes": (60, 56, 96), "hair": (150, 90, 40),
    }),
}  # fmt: skip
STYLES: dict[str, Callable[[int, int], tuple[np.ndarray, PoseSequence]]] = {
    "bear": draw_bear,
    "robot": draw_robot,
}
"""Name -> function that draws a character, and returns its pose, for a width and height."""


def draw_character(name: str, *, with_alpha: bool = False) -> np.ndarray:
    """Draw a character.

    Args:
        name: A key of TRAITS.
        with_alpha: Whether to add an alpha channel that makes the background transparent.

    Returns:
        (384, 256, 3) uint8 in RGB, or (384, 256, 4) with alpha.

    """
    seed, traits = TRAITS[name]
    rng = np.random.default_rng([TEST_SEED, seed])
    look, motion = replace(draw_character_look(rng), outline=True, **traits), draw_standing_pose(rng)
    backdrop = draw_backdrop(rng, WIDTH, HEIGHT)
    (shown,), _ = _render(seed, look, motion, backdrop)
    if not with_alpha:
        return shown
    size = WIDTH * SCALE, HEIGHT * SCALE
    (dark,), _ = _render(seed, look, motion, Image.new("RGB", size, "black"))
    (light,), _ = _render(seed, look, motion, Image.new("RGB", size, "white"))
    alpha = 255 - (light.astype(int) - dark).max(axis=2, keepdims=True)
    return np.concatenate([shown, alpha.astype(np.uint8)], axis=2)


def draw_dance() -> tuple[np.ndarray, PoseSequence]:
    """Draw a person who performs DANCE: frames (f, 384, 256, 3) uint8 and their poses."""
    rng = np.random.default_rng([TEST_SEED, DANCER])
    look, motion = draw_person_look(rng), extract_motion(read_poses(DANCE, fps=FPS), PROPORTION)
    return _render(DANCER, look, motion, draw_backdrop(rng, WIDTH, HEIGHT))


def write_demo_files(
    clip: Path = CLIP, characters: Path = CHARACTERS, other_styles: Path = OTHER_STYLES
) -> None:
    """Write the driving video, with a beat as its sound, and an image of every character.

    Args:
        clip: The video.
        characters: Folder of the characters that `animatex demo` offers.
        other_styles: Folder of the characters in other styles. Detection may fail on them, so their poses
            are written as well.

    """
    frames, _ = draw_dance()
    seconds = len(frames) / FPS
    with TemporaryDirectory() as folder:
        beat = Path(folder) / "beat.wav"
        write_beat(beat, seconds)
        write_clip(clip, frames, fps=FPS, sound=AudioSource(beat, start=0, duration=seconds))
    characters.mkdir(parents=True, exist_ok=True)
    for name in TRAITS:
        write_image(characters / f"{name}.png", draw_character(name))
    other_styles.mkdir(parents=True, exist_ok=True)
    for name, draw in STYLES.items():
        image, pose = draw(WIDTH, HEIGHT)
        write_image(other_styles / f"{name}.png", image)
        write_poses(other_styles / f"{name}.json", pose)


def write_beat(path: Path, seconds: float) -> None:
    """Write a WAV file with a regular drum beat of a length in seconds."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = time % (1 / BEATS)
    samples = np.sin(2 * np.pi * 110 * phase) * np.exp(-18 * phase) * 0.8
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _render(seed: int, look: Look, motion: Motion, backdrop: Image.Image) -> tuple[np.ndarray, PoseSequence]:
    place = draw_placement(np.random.default_rng([TEST_SEED, seed, 1]), look.anatomy, WIDTH, HEIGHT, SHARE)
    poses = apply_motion(look.anatomy, motion, place)
    return np.stack(list(render(look, poses, place.stature, backdrop))), poses


if __name__ == "__main__":
    write_demo_files()
