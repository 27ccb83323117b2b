"""`animatex demo`: animate a drawn character with the small built-in models."""

import argparse
import shutil
from pathlib import Path

from ..assets.demo_files import CHARACTERS, CLIP
from ..errors import InvalidInput
from ..utils.files import storage_errors
from ..utils.launch import process_count
from . import animate

# The small models sample in windows of as many frames as they were trained on.
OPTIONS = "--size 192x288 --frames 32 --stride 2 --model small --pose-nets small"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `demo`."""
    parser = subparsers.add_parser("demo", help=summary)
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="output folder; default: %(default)s"
    )
    names = sorted(path.stem for path in CHARACTERS.glob("*.png"))
    parser.add_argument(
        "--character", choices=names, default="rabbit", help="the character to animate; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Copy the inputs into a folder, and run `animate` on them as a user would."""
    if process_count() > 1:  # each process would wait for the others to assist it
        raise InvalidInput("torchrun can only start animate: run demo without it.")
    folder = arguments.out
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHARACTERS / f"{arguments.character}.png", folder / "character.png")
        shutil.copyfile(CLIP, folder / "dance.mp4")
    command = [
        "animate",
        f"--reference={folder / 'character.png'}",
        f"--driving={folder / 'dance.mp4'}",
        f"--out={folder / 'animation.mp4'}",
        f"--side-by-side={folder / 'side_by_side.mp4'}",
        f"--seed={arguments.seed}",
        *OPTIONS.split(),
    ]
    print("python -m animatex_core", *command)
    parser = argparse.ArgumentParser()
    animate.add_parser(parser.add_subparsers(), "")
    animate.run(parser.parse_args(command))
