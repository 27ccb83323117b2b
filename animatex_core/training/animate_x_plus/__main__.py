"""Generate synthetic training clips: `python -m animatex_core.training.animate_x_plus FOLDER`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ...animate_x_plus.shapes import WanShape
from ...utils.validation import parse_size
from .synthetic import DummyEncoders, SyntheticSettings, write_synthetic


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="folder of the data set")
    options.add_argument("--count", type=int, default=256, help="clips per task; default: %(default)s")
    options.add_argument(
        "--size", type=parse_size, default=(48, 64), help="WIDTHxHEIGHT in pixels; default: 48x64"
    )
    options.add_argument("--frames", type=int, default=9, help="4n + 1; default: %(default)s")
    options.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options.add_argument("--held-out", action="store_true", help="use the test set's characters and motion")
    return options


def main(words: Sequence[str] | None = None) -> None:
    """Generate the clips."""
    arguments = parser().parse_args(words)
    width, height = arguments.size
    shape = WanShape(width, height, arguments.frames)
    settings = SyntheticSettings(arguments.count, shape, arguments.seed, arguments.held_out)
    write_synthetic(arguments.folder, settings, DummyEncoders())


if __name__ == "__main__":
    main()
