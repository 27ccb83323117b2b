"""Checks of what a command is to write, before the long work."""

import argparse
from pathlib import Path

from ..errors import InvalidInput
from ..placement import check_writable
from ..video.picture import PICTURE_SUFFIXES
from ..video.write import check_output

INPUTS = ("reference", "driving", "poses", "reference_pose", "mask")


def check_distinct(arguments: argparse.Namespace, *outputs: str) -> None:
    """Raise InvalidInput where a file to write, named by its option, is also read or written as another."""
    named = {name: getattr(arguments, name, None) for name in (*INPUTS, *outputs)}
    paths = {name: path.resolve() for name, path in named.items() if path is not None}
    for output in outputs:
        for other, path in paths.items():
            if other != output and path == paths.get(output):
                raise InvalidInput(
                    f"--{_option(output)} and --{_option(other)} are both {path}: name another file to write."
                )


def _option(name: str) -> str:
    return name.replace("_", "-")


def check_preview(path: Path | None) -> None:
    """Raise, before long work, where a preview cannot be written as a picture or clip."""
    if path is None:
        return
    if is_picture(path):
        check_writable(path)
    else:
        check_output(path)


def is_picture(path: Path) -> bool:
    """Whether the name of a preview asks for a picture rather than a clip."""
    return path.suffix.lower() in PICTURE_SUFFIXES and "%" not in path.name
