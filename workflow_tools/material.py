"""The characters, the videos and the motion that the workflows use: those of the demo, and a duet."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from animatex_core.assets.demo_files import CLIP as DEMO_CLIP
from animatex_core.assets.demo_files import DANCE, FPS
from animatex_core.assets.demo_files import MOTION as DEMO_MOTION
from animatex_core.pose.formats.reader import read_poses
from animatex_core.pose.keypoints import seen
from animatex_core.retarget.bones import PROPORTION
from animatex_core.training.small_models.demo_files import draw_character, write_beat
from animatex_core.training.synthetic.anatomy import Placement, apply_motion
from animatex_core.training.synthetic.backdrop import Canvas, draw_backdrop
from animatex_core.training.synthetic.look import draw_person_look
from animatex_core.training.synthetic.motion import extract_motion
from animatex_core.training.synthetic.render import Figure
from animatex_core.training.synthetic.triples import TEST_SEED
from animatex_core.video.audio import AudioSource
from animatex_core.video.writer import write_clip

CHARACTER, CLIP = "animate-x-character.png", "animate-x-dance.mp4"
MOTION = "animate-x-dance.bvh"
DUET, SECOND_CHARACTER, STAGE = "animate-x-duet.mp4", "animate-x-second-character.png", "animate-x-stage.png"
STAGE_SIZE = (512, 384)  # of two characters next to each other
DUET_FRAMES, DUET_SEEDS, DELAY = 48, (2, 5), 12


def write_material(folder: Path) -> None:
    """Write these files."""
    character().save(folder / CHARACTER, optimize=True)
    shutil.copyfile(DEMO_CLIP, folder / CLIP)
    shutil.copyfile(DEMO_MOTION, folder / MOTION)
    Image.fromarray(draw_character("cat", with_alpha=True)).save(folder / SECOND_CHARACTER, optimize=True)
    stage().save(folder / STAGE, optimize=True)
    with TemporaryDirectory() as temporary:
        beat, seconds = Path(temporary) / "beat.wav", DUET_FRAMES / FPS
        write_beat(beat, seconds)
        sound = AudioSource(beat, start=0, duration=seconds)
        write_clip(folder / DUET, draw_duet(), fps=FPS, sound=sound)


def character() -> Image.Image:
    """Draw the character over a backdrop that its alpha hides; without it the background would be black."""
    return Image.fromarray(draw_character("rabbit", with_alpha=True))


def stage() -> Image.Image:
    """Draw the background that two characters are put on."""
    rng = np.random.default_rng([TEST_SEED, 91])
    return draw_backdrop(rng, *STAGE_SIZE).resize(STAGE_SIZE, Image.Resampling.LANCZOS)


def draw_duet() -> Iterator[np.ndarray]:
    """Draw two people who dance next to each other, one half a second behind the other and mirrored."""
    width, height = STAGE_SIZE
    motion = extract_motion(read_poses(DANCE, fps=FPS), PROPORTION)
    backdrop = draw_backdrop(np.random.default_rng([TEST_SEED, 7]), width, height)
    dancers = []
    for place, seed in enumerate(DUET_SEEDS):
        look = draw_person_look(np.random.default_rng([TEST_SEED, seed]))
        stature = 0.66 * height / look.anatomy.height
        where = Placement(width, height, stature, 0.93 * height, width * (0.27, 0.73)[place])
        poses = apply_motion(look.anatomy, motion.mirrored() if place else motion, where)
        dancers.append((look, stature, poses.select(range(place * DELAY, place * DELAY + DUET_FRAMES))))
    for frame in range(DUET_FRAMES):
        canvas = Canvas(backdrop)
        for look, stature, poses in dancers:
            joints = poses.body[frame, :, :2] * np.array([width, height], float)
            Figure(look, canvas, joints, seen(poses.body[frame]), stature).draw()
        yield canvas.finished()
