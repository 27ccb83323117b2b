"""Values of command line options that several command lines share."""

import argparse


def parse_size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT in pixels."""
    match text.lower().split("x"):
        case [width, height] if width.isdecimal() and height.isdecimal():
            return int(width), int(height)
    raise argparse.ArgumentTypeError(
        f"{text!r} was given, but it must be WxH in pixels: take such as 512x768."
    )
