"""Texts that a clip carries with it, handed to ffmpeg in a file: command lines may not be that long."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import InvalidInput
from ..placement import scratch_file, storage_errors

SPECIAL = re.compile(r"[=;#\\\r\n]")


@contextmanager
def tagging(target: Path, metadata: Mapping[str, str]) -> Iterator[list[str]]:
    """Give the options that make ffmpeg tag a clip of one input; their file goes at the end of the block."""
    if not metadata:
        yield []
        return
    with scratch_file(target) as file:
        with storage_errors(target):
            file.write_bytes(as_ffmetadata(metadata).encode("utf-8", "replace"))
        yield ["-f", "ffmetadata", "-i", f"file:{file}", "-map_metadata", "1"]


def as_ffmetadata(metadata: Mapping[str, str]) -> str:
    """Return texts in ffmpeg's own format for them: a line name=text each, special characters escaped."""
    lines = (f"{_escaped(name)}={_escaped(text)}\n" for name, text in metadata.items())
    return ";FFMETADATA1\n" + "".join(lines)


def check_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return the texts, or raise InvalidInput where one has no name or cannot be handed to ffmpeg.

    That is one with the character NUL, or with a backslash at its end, which new ffmpegs misread.
    """
    for name, text in metadata.items():
        if not name or "\0" in name + text or "\\" in (name[-1:], text[-1:]):
            raise InvalidInput(
                f"The metadata {name!r} has no name, holds the character NUL or ends with a backslash: "
                "leave it out."
            )
    return metadata


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)
