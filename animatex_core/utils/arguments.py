"""Parsers for command line options that several commands share."""

import argparse


def parse_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT in pixels.

    Args:
        text: The value of the option, such as "512x768".

    Returns:
        Width and height in pixels.

    Raises:
        argparse.ArgumentTypeError: The text is not two whole numbers separated by an x.

    """
    match text.lower().split("x"):
        case [width, height] if width.isdecimal() and height.isdecimal():
            return int(width), int(height)
    raise argparse.ArgumentTypeError(
        f"{text!r} was given, but it must be WxH in pixels: give a size such as 512x768."
    )
