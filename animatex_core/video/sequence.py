"""PNG files of the frames of a clip, which appear all together."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InvalidInput
from ..leftovers import sweep
from ..placement import scratch_folder, storage_errors
from ..progress import Progress
from .formats import NUMBER
from .frame import Frame

NAME = "%04d.png"
LONGEST_NAME = 79  # of a text in a PNG file
COMPRESSION = 3  # of 9: as small as more of it, but for a few per cent, and twice as fast


def write_sequence(
    path: Path, frames: Iterator[Frame], *, metadata: Mapping[str, str], total: int, progress: Progress
) -> int:
    """Write frames as PNG files, numbered from 0, and return how many there were.

    path: a folder, or a pattern such as frame_%04d.png. metadata: texts put into every file.
    On any exception nothing is left. A folder that was not there appears whole; into one that was, the files
    are moved when all are written.
    """
    folder, name = (path.parent, path.name) if path.suffix else (path, NAME)
    existed, done, texts = folder.is_dir(), 0, _texts(metadata)
    with scratch_folder(folder / "frames" if existed else folder) as scratch:
        for done, frame in enumerate(frames, start=1):
            with storage_errors(path):
                file = scratch / _numbered(name, done - 1)
                Image.fromarray(frame).save(file, compress_level=COMPRESSION, pnginfo=texts)
            progress(done, total)
        if not done:
            raise InvalidInput(f"There are no frames to write to {str(path)!r}: give one or more.")
        with storage_errors(path):
            _move(scratch, folder, each=existed)
    return done


def check_folder(path: Path) -> None:
    """Raise InvalidInput where a folder for PNG files holds something: it would be mixed with the frames.

    What killed processes left in it does not count, and is removed.
    """
    sweep(path)
    if path.is_dir() and any(path.iterdir()):
        raise InvalidInput(
            f"The folder {str(path)!r} is not empty: name a new one, or a pattern such as %04d.png."
        )
    if path.is_file():
        raise InvalidInput(
            f"{str(path)!r} is a file, but a folder for PNG files was to be made: add a suffix."
        )


def _texts(metadata: Mapping[str, str]) -> PngInfo:
    texts = PngInfo()
    for name, text in metadata.items():
        texts.add_text(name.encode("latin-1", "replace")[:LONGEST_NAME], text)
    return texts


def _numbered(name: str, number: int) -> str:
    return NUMBER.sub(lambda pattern: pattern[0] % number, name)


def _move(scratch: Path, folder: Path, *, each: bool) -> None:
    if not each:
        os.replace(scratch, folder)
        return
    for file in scratch.iterdir():
        os.replace(file, folder / file.name)
