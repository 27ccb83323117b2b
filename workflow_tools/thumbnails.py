"""Pictures for the template browser: what goes into a workflow, and what it makes of the dance."""

from pathlib import Path

import numpy as np
from PIL import Image

from animatex_core.commands.demo_material import DANCE, FPS, draw_dancer
from animatex_core.pose.draw import draw_pose
from animatex_core.pose.json_io import read_poses
from animatex_core.pose.skeleton import PoseSequence
from animatex_core.preview import drawn_over
from animatex_core.retarget.character import Character
from animatex_core.retarget.masks import box_of
from animatex_core.retarget.retarget import retarget

from .material import HEIGHT, WIDTH, draw_character_on_backdrop

SIZE, GAP, GROUND = (512, 384), 4, (32, 32, 36)
TILES = {  # kind, and the frame of the dance
    "animate-a-character": (("dancer", 4), ("fitted", 4)),
    "long-clip": (("fitted", 0), ("fitted", 16), ("fitted", 32), ("fitted", 48)),
    "retarget-with-mask": (("mask", 0), ("fitted", 12)),
    "ksampler": (("dancer", 40), ("fitted", 40)),
    "few-steps": (("dancer", 52), ("fitted", 52)),
    "repose-a-picture": (("character", 0), ("fitted", 24)),
    "extract-poses": (("dancer", 24), ("skeleton", 24)),
}


def write_thumbnail(path: Path, name: str) -> None:
    """Write the picture of a workflow: its tiles beside each other."""
    tiles = [_tile(kind, frame) for kind, frame in TILES[name]]
    width = (SIZE[0] - GAP * (len(tiles) - 1)) // len(tiles)
    picture = Image.new("RGB", SIZE, GROUND)
    for number, tile in enumerate(tiles):
        tile.thumbnail((width, SIZE[1]), Image.Resampling.LANCZOS)
        left = number * (width + GAP) + (width - tile.width) // 2
        picture.paste(tile, (left, (SIZE[1] - tile.height) // 2))
    picture.save(path, quality=85, optimize=True)


def _tile(kind: str, frame: int) -> Image.Image:
    poses = read_poses(DANCE, fps=FPS).select([frame])
    poses = PoseSequence.from_points(poses.points, WIDTH, HEIGHT, FPS)
    character = draw_character_on_backdrop()
    alpha = np.asarray(character.getchannel("A"))
    if kind == "dancer":
        return Image.fromarray(next(draw_dancer(poses)))
    if kind == "skeleton":
        return Image.fromarray(draw_pose(poses.body[0], poses.hands[0], WIDTH, HEIGHT))
    if kind == "mask":
        return Image.fromarray(alpha)
    if kind == "character":
        return character.convert("RGB")
    known = Character(*character.size, None, box_of(alpha / 255, *character.size))
    fitted = drawn_over(np.asarray(character.convert("RGB")), retarget(poses, known))
    return Image.fromarray(next(fitted))
