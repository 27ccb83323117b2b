"""`animatex demo`: the whole way on any machine, from a picture and a dance to a clip with sound."""

import argparse
import shutil
from pathlib import Path

from ..placement import storage_errors
from ..pose.json_io import read_poses, write_poses
from ..small_bundle import shipped
from ..video.sound import Sound
from ..video.write import write_clip
from . import animate
from .demo_material import CHARACTERS, CLIP, DANCE, FPS, draw_character, draw_dancer, write_beat

# At the size that the small networks were trained on.
TRAINED = "--frames 32 --stride 2 --solver dpm++2m --steps 12 --guidance 2 --model small --pose-nets small"
# Where they lack, poses cannot be found, and the clip shows no more than that everything runs.
UNTRAINED = "--frames 16 --stride 2 --size 128x192 --solver dpm++2m --steps 8 --model generated"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo`."""
    parser = subparsers.add_parser("demo", help="animate a drawn character, without downloads")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo"),
        metavar="DIR",
        help="folder for all files; default: %(default)s",
    )
    names = sorted(path.stem for path in CHARACTERS.glob("*.png"))
    parser.add_argument(
        "--character", choices=names, default="rabbit", help="who shall dance; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Put what is needed into a folder, and animate it by the command that a user would take."""
    folder = arguments.out
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    options = _drawn(folder) if shipped() is None else _rendered(folder, arguments.character)
    command = [
        "animate",
        f"--reference={folder / 'character.png'}",
        f"--driving={folder / 'dance.mp4'}",
        f"--out={folder / 'animation.mp4'}",
        f"--side-by-side={folder / 'side_by_side.mp4'}",
        f"--seed={arguments.seed}",
        *options,
    ]
    print("python -m animatex_core", *command)
    parser = argparse.ArgumentParser()
    animate.add_parser(parser.add_subparsers())
    animate.run(parser.parse_args(command))


def _rendered(folder: Path, character: str) -> list[str]:
    """Copy one of the characters that are shipped, and the clip of a dancer."""
    with storage_errors(folder):
        shutil.copyfile(CHARACTERS / f"{character}.png", folder / "character.png")
        shutil.copyfile(CLIP, folder / "dance.mp4")
    return TRAINED.split()


def _drawn(folder: Path) -> list[str]:
    """Draw a character, and a dancer whose poses are known."""
    poses = read_poses(DANCE, fps=FPS)
    seconds = len(poses) / FPS
    with storage_errors(folder):
        draw_character().save(folder / "character.png")
        write_beat(folder / "beat.wav", seconds)
    write_poses(folder / "dance.json", poses)
    sound = Sound(folder / "beat.wav", start=0, duration=seconds)
    write_clip(folder / "dance.mp4", draw_dancer(poses), fps=FPS, sound=sound)
    return [*UNTRAINED.split(), f"--poses={folder / 'dance.json'}"]
