"""Writing videos and PNG sequences, completely or not at all, with the audio that belongs to the frames."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import length_hint
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InvalidInput, warn
from ..utils.files import atomic_path, check_writable, scratch_file, scratch_folder, storage_errors, sweep
from ..utils.progress import Check, Progress, no_check, no_progress
from .audio import AudioSource, ProbedAudio, mux_audio, probe_audio
from .encoder import check_frames, encode, to_gif
from .formats import (
    GIF,
    NUMBER_PATTERN,
    PNG,
    UNTAGGED,
    Format,
    check_metadata,
    check_settings,
    format_of,
    metadata_args,
    require_alpha,
)
from .image import Frame

SEQUENCE_NAME = "%04d.png"
MAX_NAME = 79  # characters of a text's name in a PNG file
COMPRESSION = 3  # of 9: twice as fast as higher levels and only a few per cent larger


def write_clip(
    path: str | Path,
    frames: Iterable[Frame],
    *,
    fps: float,
    quality: float = 7.0,
    sound: AudioSource | None = None,
    loop: bool = True,
    alpha: bool = False,
    metadata: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
    check: Check = no_check,
) -> Path:
    """Write frames as a video; an existing file is replaced.

    If the work ends early, for whatever reason, nothing is left behind and an existing file is unchanged.

    Args:
        path: .mp4 (H.264, plays everywhere), .webm (VP9 and Opus), .gif, .mov (ProRes 4444), .webp or .apng;
            a new or empty directory gets 0000.png, 0001.png and so on; a pattern such as frame_%04d.png gets
            files of that name, from 0.
        frames: (h, w, 3) uint8 RGB, or (h, w, 4) with straight (not premultiplied) alpha. For mp4 and webm,
            which need even sizes, the last row or column of odd ones is repeated.
        fps: Frames per second, up to 1000; for a gif up to 50.
        quality: 0 to 10: a CRF of 40 - 3 * quality for mp4, 55 - 4 * quality for webm; 10 is a lossless
            webp; not for gif, mov, apng and PNG.
        sound: The audio, cut to the length of the frames. A source without audio is fine; formats other than
            mp4, webm and mov leave audio out with an AnimateXWarning.
        loop: Whether a gif, webp or apng repeats.
        alpha: Whether the frames have alpha; not for mp4 and gif.
        metadata: Name -> text: tags in mp4, mov and webm (which upper-cases the names), text chunks in every
            PNG file; not written to gif, webp and apng.
        progress: Called with the frames written and their total, 0 if `frames` has no length; an exception
            stops the work.
        check: Called several times a second while ffmpeg runs; an exception stops the work.

    Returns:
        The absolute path.

    Raises:
        InvalidInput: The path, a setting, a frame or the audio is invalid.
        StorageError: The video cannot be written.

    """
    path = Path(path).absolute()
    kind = check_output(path, alpha=alpha)
    check_settings(kind, fps, quality)
    texts = check_metadata(metadata or {})
    found = _find_audio(sound, kind, check)
    total, frames = length_hint(frames), check_frames(frames, even=kind.even, channels=4 if alpha else 3)
    if kind is PNG:
        write_sequence(path, frames, metadata=texts, total=total, progress=progress)
        return path
    write = partial(encode, frames, fps=fps, target=path, total=total, progress=progress, check=check)
    with atomic_path(path) as part, metadata_args(path, {} if kind in UNTAGGED else texts) as tags:
        stream = kind.alpha if alpha and kind.alpha else kind.video
        options = [*tags, *stream(quality), *(kind.repeat if loop else ()), *kind.container]
        if kind is GIF:
            with scratch_file(path) as video:
                write(options, output=video)
                to_gif(video, part, path, loop=loop, check=check)
        elif found is not None:
            with scratch_file(path) as video:
                count = write(options, output=video)
                mux_audio(video, part, path, found, kind, seconds=count / fps, check=check)
        else:
            write(options, output=part)
    return path


def check_output(path: str | Path, *, alpha: bool = False) -> Format:
    """Check that a video can be written to `path`, to fail before long work.

    Args:
        path: As for `write_clip`.
        alpha: As for `write_clip`.

    Returns:
        The format.

    Raises:
        InvalidInput: The suffix is unknown, the format has no alpha, or the directory is not empty.
        StorageError: Nothing can be written there.

    """
    path = Path(path).absolute()
    kind = format_of(path)
    if alpha:
        require_alpha(kind)
    if kind is PNG:
        check_folder(path)
    check_writable(path.with_name(f"{path.name}.part") if kind is PNG else path)
    return kind


def check_folder(path: Path) -> None:
    """Raise InvalidInput if a directory for PNG files is not empty: its files would mix with the frames.

    Leftovers of killed processes do not count and are removed.
    """
    sweep(path)
    if path.is_dir() and any(path.iterdir()):
        raise InvalidInput(
            f"The directory {str(path)!r} is not empty: give a new one, or a pattern such as %04d.png."
        )
    if path.is_file():
        raise InvalidInput(f"{str(path)!r} is a file, not a directory for PNG files: add a suffix.")


def write_sequence(
    path: Path, frames: Iterator[Frame], *, metadata: Mapping[str, str], total: int, progress: Progress
) -> int:
    """Write frames as numbered PNG files.

    On any exception nothing is left behind. A new directory appears complete; into an existing one, the files
    are moved after all are written.

    Args:
        path: A directory, or a pattern such as frame_%04d.png.
        frames: (h, w, 3) or (h, w, 4) uint8, RGB or RGBA.
        metadata: Name -> text, for every file.
        total: The number of frames, 0 if unknown; for `progress`.
        progress: Called with the frames written and `total`; an exception stops the work.

    Returns:
        The number of frames.

    Raises:
        InvalidInput: There are no frames.
        StorageError: A file cannot be written.

    """
    folder, name = (path.parent, path.name) if path.suffix else (path, SEQUENCE_NAME)
    existed, done, texts = folder.is_dir(), 0, _png_texts(metadata)
    with scratch_folder(folder / "frames" if existed else folder) as scratch:
        for done, frame in enumerate(frames, start=1):
            with storage_errors(path):
                file = scratch / _numbered(name, done - 1)
                Image.fromarray(frame).save(file, compress_level=COMPRESSION, pnginfo=texts)
            progress(done, total)
        if not done:
            raise InvalidInput(f"There are no frames to write to {str(path)!r}: give at least one.")
        with storage_errors(path):
            _move(scratch, folder, each=existed)
    return done


def _find_audio(sound: AudioSource | None, kind: Format, check: Check) -> ProbedAudio | None:
    """Inspect the audio before the work, so that a missing file fails early; None if there will be none."""
    if sound is None:
        return None
    if kind.sound:
        return probe_audio(sound, check)
    warn(
        f"{kind.as_subject} has no audio, so it is left out: write an mp4, webm or mov to keep it.",
        stacklevel=3,
    )
    return None


def _png_texts(metadata: Mapping[str, str]) -> PngInfo:
    texts = PngInfo()
    for name, text in metadata.items():
        texts.add_text(name.encode("latin-1", "replace")[:MAX_NAME], text)
    return texts


def _numbered(name: str, number: int) -> str:
    return NUMBER_PATTERN.sub(lambda pattern: pattern[0] % number, name)


def _move(scratch: Path, folder: Path, *, each: bool) -> None:
    if not each:
        os.replace(scratch, folder)
        return
    for file in scratch.iterdir():
        os.replace(file, folder / file.name)
