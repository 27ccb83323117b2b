"""Videos and PNG sequences, written whole or not at all, with the audio that belongs to their frames."""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import length_hint
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import AnimateXWarning, InvalidInput
from ..utils.files import atomic_path, check_writable, scratch_file, scratch_folder, storage_errors, sweep
from ..utils.progress import Check, Progress, no_check, no_progress
from .audio import FoundSound, Sound, add_sound, find_sound
from .encoder import encode, to_gif, uniform
from .formats import GIF, NUMBER, PNG, Format, check_metadata, check_settings, format_of, tagging
from .image import Frame

NAME = "%04d.png"
MAX_NAME = 79  # of a text in a PNG file
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
        texts.add_text(name.encode("latin-1", "replace")[:MAX_NAME], text)
    return texts


def _numbered(name: str, number: int) -> str:
    return NUMBER.sub(lambda pattern: pattern[0] % number, name)


def _move(scratch: Path, folder: Path, *, each: bool) -> None:
    if not each:
        os.replace(scratch, folder)
        return
    for file in scratch.iterdir():
        os.replace(file, folder / file.name)


def write_clip(
    path: str | Path,
    frames: Iterable[Frame],
    *,
    fps: float,
    quality: float = 7.0,
    sound: Sound | None = None,
    loop: bool = True,
    metadata: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
    check: Check = no_check,
) -> Path:
    """Write frames, (h, w, 3) uint8 RGB, as a clip and return its path; an existing one is replaced.

    path: .mp4 (H.264, plays everywhere), .webm (VP9 and Opus) or .gif; a new or empty folder gets 0000.png,
    0001.png and so on, a name such as frame_%04d.png files of that name, from 0.
    fps: up to 1000, for a gif up to 50. quality: 0 to 10; for mp4 a CRF of 40 - 3 * quality, for webm one of
    55 - 4 * quality; gif and PNG have no such choice. Frames of odd sizes repeat their last row or column in
    mp4 and webm, which know only even ones.
    sound: cut to the length of the frames; a file that has none is ordinary, gif and PNG leave it out with an
    AnimateXWarning. loop: whether a gif begins again at its end.
    metadata: texts for players and programs to read, by name: tags in mp4 and webm (which writes names in
    capitals), text chunks in every PNG file; a gif leaves them out.
    progress: called with the frames written and those in all (0 where `frames` has no length); what it raises
    ends the work. check: the same, called several times a second while ffmpeg runs. Whatever ends the work,
    nothing is left behind and an existing file stays as it was.
    Raises InvalidInput, StorageError.
    """
    path = Path(path).absolute()
    kind = check_output(path)
    check_settings(kind, fps, quality)
    texts = check_metadata(metadata or {})
    beside = _sound_beside(sound, kind, check)
    total, frames = length_hint(frames), uniform(frames, even=kind.even)
    if kind is PNG:
        write_sequence(path, frames, metadata=texts, total=total, progress=progress)
        return path
    write = partial(encode, frames, fps=fps, target=path, total=total, progress=progress, check=check)
    with atomic_path(path) as part, tagging(path, {} if kind is GIF else texts) as tags:
        options = [*tags, *kind.video(quality), *kind.container]
        if kind is GIF:
            with scratch_file(path) as video:
                write(options, output=video)
                to_gif(video, part, path, loop=loop, check=check)
        elif beside is not None:
            with scratch_file(path) as video:
                count = write(options, output=video)
                add_sound(video, part, path, beside, kind, seconds=count / fps, check=check)
        else:
            write(options, output=part)
    return path


def check_output(path: str | Path) -> Format:
    """Check, before long work, that a clip can be written to `path`, and return its format.

    Raises InvalidInput for another suffix or a folder that is not empty, StorageError where nothing can be
    written.
    """
    path = Path(path).absolute()
    kind = format_of(path)
    if kind is PNG:
        check_folder(path)
    check_writable(path.with_name(f"{path.name}.part") if kind is PNG else path)
    return kind


def _sound_beside(sound: Sound | None, kind: Format, check: Check) -> FoundSound | None:
    """Find the sound before the work, so that a missing file fails early; None where there will be none."""
    if sound is None:
        return None
    if kind.sound:
        return find_sound(sound, check)
    sentence = f"A {kind.name} has no sound, so it is left out: write an mp4 or webm to keep it."
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)
    return None
