"""Thumbnails for the template browser: the inputs of a workflow and its result."""

from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from animatex_core.assets.demo_files import MOTION
from animatex_core.driving_motion import MotionClip, open_motion
from animatex_core.motion.camera import CameraSettings
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.draw import draw_pose, draw_poses, draw_poses_over
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.retarget.character import Character
from animatex_core.retarget.masks import box_from_mask
from animatex_core.retarget.retarget import retarget
from animatex_core.training.small_models.demo_files import draw_character, draw_dance

from .material import STAGE_SIZE, character, draw_duet, stage

SIZE, GAP, GROUND = (512, 384), 4, (32, 32, 36)
SQUARE = 24  # pixels of a square of the checkerboard
TILES = {  # kind, and the frame of the dance
    "animate-a-character": (("dancer", 4), ("fitted", 4)),
    "long-clip": (("fitted", 0), ("fitted", 16), ("fitted", 32), ("fitted", 48)),
    "retarget-with-mask": (("mask", 0), ("fitted", 12)),
    "ksampler": (("dancer", 40), ("fitted", 40)),
    "few-steps": (("dancer", 52), ("fitted", 52)),
    "repose-a-picture": (("character", 0), ("fitted", 24)),
    "cut-out-and-sprite-sheet": (("cut out", 0), ("fitted", 36)),
    "plus-text-driven-background": (("character", 0), ("skeleton", 4)),
    "plus-as-released": (("dancer", 12), ("skeleton", 12)),
    "plus-few-steps": (("character", 0), ("skeleton", 52)),
    "plus-long-clip": (("skeleton", 0), ("skeleton", 16), ("skeleton", 32), ("skeleton", 48)),
    "edit-a-pose": (("character", 0), ("fitted", 8)),
    "extract-poses": (("dancer", 24), ("skeleton", 24)),
    "make-a-loop": (("fitted", 18), ("fitted", 26), ("fitted", 34), ("fitted", 26)),
    "two-characters": (("duet", 8), ("on stage", 8)),
    "upscale": (("small", 20), ("fitted", 20)),
    "upscale-and-interpolate": (("fitted", 20), ("fitted", 21), ("fitted", 22)),
    "dance-from-motion-capture": (("mannequin", 8), ("recorded", 8), ("performed", 8)),
}


def write_thumbnail(path: Path, name: str) -> None:
    """Write the thumbnail of a workflow: its tiles side by side."""
    tiles = [_tile(kind, frame) for kind, frame in TILES[name]]
    width = (SIZE[0] - GAP * (len(tiles) - 1)) // len(tiles)
    picture = Image.new("RGB", SIZE, GROUND)
    for number, tile in enumerate(tiles):
        tile.thumbnail((width, SIZE[1]), Image.Resampling.LANCZOS)
        left = number * (width + GAP) + (width - tile.width) // 2
        picture.paste(tile, (left, (SIZE[1] - tile.height) // 2))
    picture.save(path, quality=85, optimize=True)


_dance = lru_cache(draw_dance)


def _tile(kind: str, frame: int) -> Image.Image:
    frames, poses = _dance()
    if kind == "dancer":
        return Image.fromarray(frames[frame])
    if kind == "duet":
        return Image.fromarray(next(islice(draw_duet(), frame, None)))
    if kind == "on stage":
        return _on_stage()
    if kind == "skeleton":
        drawn = draw_pose(poses.body[frame], poses.hands[frame], poses.width, poses.height)
        return Image.fromarray(drawn)
    if kind in ("mannequin", "recorded", "performed"):
        return _of_recording(kind, frame)
    return _of_character(kind, poses.select([frame]))


def _on_stage() -> Image.Image:
    """Return both characters as they are, on the stage."""
    picture = stage().convert("RGBA")
    for place, name in enumerate(("rabbit", "cat")):
        shown = Image.fromarray(draw_character(name, with_alpha=True))
        picture.alpha_composite(shown, (place * STAGE_SIZE[0] // 2, 0))
    return picture.convert("RGB")


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    """Return what image editors show behind transparent pixels."""
    rows, columns = np.indices((size[1] // SQUARE + 1, size[0] // SQUARE + 1))
    squares = np.where((rows + columns) % 2, 235, 200).astype(np.uint8)
    board = squares.repeat(SQUARE, axis=0).repeat(SQUARE, axis=1)[: size[1], : size[0]]
    return Image.fromarray(board).convert("RGBA")


@lru_cache
def _recording() -> MotionClip:
    camera = CameraSettings(view="three-quarter", width=256, height=384)
    return open_motion(MOTION, MotionSettings(camera), frames=16)


def _of_recording(kind: str, frame: int) -> Image.Image:
    clip = _recording()
    pose = clip.poses.select([frame])
    if kind == "performed":
        return _of_character("fitted", pose)
    shown = clip.frames() if kind == "mannequin" else draw_poses(clip.poses)
    return Image.fromarray(next(islice(shown, frame, None)))


def _of_character(kind: str, pose: PoseSequence) -> Image.Image:
    shown = character()
    alpha = np.asarray(shown.getchannel("A"))
    if kind == "mask":
        return Image.fromarray(alpha)
    if kind == "cut out":
        return Image.alpha_composite(_checkerboard(shown.size), shown).convert("RGB")
    if kind == "character":
        return shown.convert("RGB")
    known = Character(*shown.size, None, box_from_mask(alpha / 255, *shown.size))
    fitted = Image.fromarray(next(draw_poses_over(np.asarray(shown.convert("RGB")), retarget(pose, known))))
    return fitted.resize([side // 2 for side in fitted.size]) if kind == "small" else fitted
