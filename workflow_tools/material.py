"""The character, the video and the motion that the workflows use: those of the demo."""

import shutil
from pathlib import Path

from PIL import Image

from animatex_core.assets.demo_files import CLIP as DEMO_CLIP
from animatex_core.assets.demo_files import MOTION as DEMO_MOTION
from animatex_core.training.small_models.demo_files import draw_character

CHARACTER, CLIP = "animate-x-character.png", "animate-x-dance.mp4"
MOTION = "animate-x-dance.bvh"


def write_material(folder: Path) -> None:
    """Write these files."""
    character().save(folder / CHARACTER, optimize=True)
    shutil.copyfile(DEMO_CLIP, folder / CLIP)
    shutil.copyfile(DEMO_MOTION, folder / MOTION)


def character() -> Image.Image:
    """Draw the character over a backdrop that its alpha hides; without it the background would be black."""
    return Image.fromarray(draw_character("rabbit", with_alpha=True))
