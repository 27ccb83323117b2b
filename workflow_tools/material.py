"""The character and the clip that the workflows name, drawn as those of the demo."""

import tempfile
from pathlib import Path

from PIL import Image

from animatex_core.commands.demo_material import DANCE, FPS, draw_character, draw_dancer, write_beat
from animatex_core.pose.json_io import read_poses
from animatex_core.pose.skeleton import PoseSequence
from animatex_core.video.sound import Sound
from animatex_core.video.write import write_clip

CHARACTER, CLIP = "animate-x-character.png", "animate-x-dance.mp4"
WIDTH, HEIGHT = 384, 576  # of the clip
BACKDROP = (236, 228, 208)


def write_material(folder: Path) -> None:
    """Write both files."""
    draw_character_on_backdrop().save(folder / CHARACTER, optimize=True)
    poses = read_poses(DANCE, fps=FPS)
    poses = PoseSequence.from_points(poses.points, WIDTH, HEIGHT, FPS)
    seconds = len(poses) / FPS
    with tempfile.TemporaryDirectory() as scratch:
        beat = Path(scratch) / "beat.wav"
        write_beat(beat, seconds)
        write_clip(folder / CLIP, draw_dancer(poses), fps=FPS, sound=Sound(beat, start=0, duration=seconds))


def draw_character_on_backdrop() -> Image.Image:
    """Draw the character on a backdrop that its alpha hides, or it would stand in the dark without it."""
    character = draw_character()
    picture = Image.new("RGBA", character.size, BACKDROP)
    picture.alpha_composite(character)
    picture.putalpha(character.getchannel("A"))
    return picture
