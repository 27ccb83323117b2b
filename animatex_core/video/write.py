"""Clips written whole or not at all, with the sound that belongs to their frames."""

import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from operator import length_hint
from pathlib import Path

from ..errors import AnimateXWarning
from ..placement import check_writable, placed_path, scratch_file
from ..progress import Check, Progress, no_check, no_progress
from .encode import encode, uniform
from .formats import GIF, PNG, Format, check_settings, format_of
from .frame import Frame
from .metadata import check_metadata, tagging
from .mux import FoundSound, add_sound, find_sound
from .palette import to_gif
from .sequence import check_folder, write_sequence
from .sound import Sound


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
    with placed_path(path) as part, tagging(path, {} if kind is GIF else texts) as tags:
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
