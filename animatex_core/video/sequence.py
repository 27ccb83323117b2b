"""PNG files of the frames of a clip, which appear all together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animatex_core.errors import InvalidInput
from animatex_core.placement import scratch_folder, storage_errors
from animatex_core.video.formats import NUMBER

NAME = "%04d.png"


@contextmanager
def placed_sequence(path: Path) -> Iterator[Path]:
    """Give a folder to write NAME files to; at the end of the block they get the names that `path` asks for.

    path: a folder, or a pattern such as frame_%04d.png. On any exception nothing is left. A folder that was
    not there appears whole; into one that was, the files are moved when all are written.
    """
    folder, name = (path.parent, path.name) if path.suffix else (path, NAME)
    existed = folder.is_dir()
    with scratch_folder(folder / "frames" if existed else folder) as scratch:
        yield scratch
        with storage_errors(path):
            if existed:
                _rename(scratch, folder, name)
            else:
                _rename(scratch, scratch, name)
                os.replace(scratch, folder)


def check_folder(path: Path) -> None:
    """Raise InvalidInput where a folder for PNG files holds something: it would be mixed with the frames."""
    if path.is_dir() and any(path.iterdir()):
        raise InvalidInput(
            f"The folder {str(path)!r} is not empty: name a new one, or a pattern such as %04d.png."
        )
    if path.is_file():
        raise InvalidInput(
            f"{str(path)!r} is a file, but a folder for PNG files was to be made: add a suffix."
        )


def _rename(source: Path, folder: Path, name: str) -> None:
    pattern = NUMBER.search(name)
    assert pattern is not None
    for number, file in enumerate(sorted(source.iterdir(), key=lambda file: int(file.stem))):
        os.replace(file, folder / name.replace(pattern[0], pattern[0] % number))
