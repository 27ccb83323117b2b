"""`animatex demo`: the whole way on any machine, from a drawn character and dancer to a clip with sound."""

import argparse
from pathlib import Path

from ..placement import storage_errors
from ..pose.json_io import read_poses, write_poses
from ..video.sound import Sound
from ..video.write import write_clip
from . import animate
from .demo_material import DANCE, FPS, draw_character, draw_dancer, write_beat

OPTIONS = (
    "--frames 16 --stride 2 --size 128x192 --solver dpm++2m --steps 8 --retarget retarget --model generated"
)


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
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Draw what is needed, and animate it by the command that a user would take."""
    folder = arguments.out
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        draw_character().save(folder / "character.png")
    _write_dance(folder)
    command = [
        "animate",
        f"--reference={folder / 'character.png'}",
        f"--driving={folder / 'dance.mp4'}",
        f"--poses={folder / 'dance.json'}",
        f"--out={folder / 'animation.mp4'}",
        f"--side-by-side={folder / 'side_by_side.mp4'}",
        f"--seed={arguments.seed}",
        *OPTIONS.split(),
    ]
    print("python -m animatex_core", *command)
    parser = argparse.ArgumentParser()
    animate.add_parser(parser.add_subparsers())
    animate.run(parser.parse_args(command))


def _write_dance(folder: Path) -> None:
    poses = read_poses(DANCE, fps=FPS)
    seconds = len(poses) / FPS
    with storage_errors(folder):
        write_beat(folder / "beat.wav", seconds)
    write_poses(folder / "dance.json", poses)
    sound = Sound(folder / "beat.wav", start=0, duration=seconds)
    write_clip(folder / "dance.mp4", draw_dancer(poses), fps=FPS, sound=sound)
