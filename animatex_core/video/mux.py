"""The sound of one file put beside the pictures of another."""

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..errors import AnimateXWarning, InvalidInput
from ..placement import storage_errors
from ..progress import Check, no_check
from .clip import chosen_tracks, clock_of, existing_file, look_at_first_frame, refusal_reason, stream_kinds
from .containers import check_streams, source
from .encode import check_space, written_to
from .ffmpeg import reason, run
from .formats import Format
from .sound import SAMPLES_PER_SECOND, Sound, skipping_seconds, sound_filters
from .watching import Guard


@dataclass(frozen=True)
class FoundSound:
    """A sound whose file was looked into.

    zero: when its frame 0 is shown, on the file's own clock. stream: of the sound, as ffmpeg counts them.
    """

    sound: Sound
    path: Path
    zero: float
    stream: int


def find_sound(sound: Sound, check: Check = no_check) -> FoundSound | None:
    """Look into the file of a sound; None where it has only pictures.

    Raises InvalidInput where it is missing, empty or neither a clip nor a sound.
    check: called several times a second meanwhile; what it raises ends the work.
    """
    path = existing_file(sound.path, "sound")
    log = look_at_first_frame(path, check).log
    kinds = stream_kinds(log)
    if not kinds:
        raise InvalidInput(
            f"{str(path)!r} is neither a clip nor a sound that can be read ({refusal_reason(log)}): give "
            "another file."
        )
    check_streams(path, log.partition("\nOutput #0")[0])
    audio = chosen_tracks(log).audio
    return FoundSound(sound, path, clock_of(path, log, check), audio.number) if audio else None


def add_sound(
    video: Path,
    part: Path,
    target: Path,
    found: FoundSound,
    kind: Format,
    *,
    seconds: float,
    check: Check = no_check,
) -> None:
    """Write `part`: the pictures of `video` as they are, and `seconds` of the sound.

    A second step, for only now the length is known, and sound that cannot be decoded loses no pictures: then
    an AnimateXWarning says so and the clip is silent. Only whole blocks of sound are written, for old ffmpegs
    fill up the last one and make the sound longer than the pictures. target: what the user asked for, for
    messages.
    """
    block = kind.block / SAMPLES_PER_SECOND
    whole = math.floor(seconds / block + 1e-6) * block or seconds
    filters = sound_filters(found.sound, found.zero, whole)
    sources = ["-copyts", *source(video), *source(found.path), "-map", "0:v:0", "-map", f"1:{found.stream}"]
    options = [*sources, "-c:v", "copy", "-af", filters, *kind.sound, *kind.container, *written_to(part)]
    guard = Guard(
        target, check, part, quiet=skipping_seconds(found.sound.start + seconds * found.sound.speed)
    )
    done = run(["-nostdin", "-v", "error", "-y", *options], guard)
    check_space(target, done.log)
    if done.status:
        with storage_errors(target):
            os.replace(video, part)
        why = reason(done.log)
        sentence = f"{target} is silent, for the sound of {found.path} could not be carried over ({why})."
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)
