"""`python -m workflow_tools.hand_placed`: place skeletons in ComfyUI's editor, and draw them for the docs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from animatex_core.pose.draw import draw_poses_over
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.retarget.character import Box, Character
from animatex_core.retarget.retarget import retarget
from animatex_core.training.small_models.demo_files import draw_character, draw_dance
from tests.comfyui.browser import editing
from tests.comfyui.hosts import ROOT, installations
from tests.comfyui.pose_editor_page import PoseEditorPage, place_by_hand
from tests.comfyui.server import serving

from .placed_joints import DEMO

PICTURE = ROOT / "docs" / "images" / "placed-by-hand.jpg"
TILE, GAP, GROUND = (192, 288), 4, "white"
MOMENT = 40  # frame of the dance


def main() -> None:
    """Write the picture: of each character the skeleton in the mask and by hand, and a dance below."""
    _, dance = draw_dance()
    moment = dance.select([MOMENT])
    tiles = [tile for name, poses in _placed() for tile in _tiles(name, poses, moment)]
    columns = len(tiles) // 2
    step = TILE[0] + GAP, TILE[1] + GAP
    picture = Image.new("RGB", (columns * step[0] - GAP, 2 * step[1] - GAP), GROUND)
    for number, pair in enumerate(zip(tiles[::2], tiles[1::2], strict=True)):
        for row, tile in enumerate(pair):
            picture.paste(tile.resize(TILE, Image.Resampling.LANCZOS), (number * step[0], row * step[1]))
    picture.save(PICTURE, quality=85, optimize=True)


def _placed() -> Iterator[tuple[str, tuple[PoseSequence, PoseSequence]]]:
    with (
        tempfile.TemporaryDirectory() as base,
        serving(installations()[-1], Path(base)) as server,
        editing(server) as editor,
    ):
        for name, character in DEMO.items():
            shown = Image.fromarray(draw_character(name, with_alpha=True))
            shown.save(server.base / "input" / f"{name}.png")
            yield name, place_by_hand(PoseEditorPage(editor), f"{name}.png", character.joints)


def _tiles(name: str, poses: tuple[PoseSequence, PoseSequence], dance: PoseSequence) -> Iterator[Image.Image]:
    """Yield for the skeleton in the mask and the one by hand: itself, and the dance that it is used for."""
    drawn = draw_character(name, with_alpha=True)
    image, box = drawn[..., :3], Box.of_alpha(drawn[..., 3])
    for skeleton, own in zip(poses, (None, poses[1]), strict=True):
        danced = retarget(dance, Character(*DEMO[name].size, own, box))
        for each in (skeleton, danced):
            yield Image.fromarray(next(draw_poses_over(np.ascontiguousarray(image), each)))


if __name__ == "__main__":
    main()
