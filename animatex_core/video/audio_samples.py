"""Sound as samples, for programs that pass it on in memory."""

import math
import struct
import warnings
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import AnimateXWarning, InvalidInput
from ..utils.files import atomic_write
from ..utils.progress import Check, no_check
from ..utils.validation import require_int
from .audio import Sound, cut_filters, skipping_seconds
from .containers import MAX_SAMPLE_RATE, source
from .ffmpeg import Finished, reason, run
from .info import VideoInfo
from .process import Guard

LOUDEST = 32767  # of 16 bits
HEAD_BYTES = 4096  # what a wav file has before its samples, at most
MAX_CHANNELS = 8


@dataclass(frozen=True, eq=False)
class Samples:
    """waveform: (c, n) float32 in -1..1; rate: samples per second."""

    waveform: NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        require_int("The sample rate of the sound", self.rate)
        if self.waveform.ndim != 2 or not self.waveform.shape[0]:
            raise InvalidInput(
                f"The sound has shape {self.waveform.shape}, but it must be (channels, samples): give sound."
            )

    def part(self, start: float, seconds: float) -> "Samples":
        """Return `seconds` of it from `start` on; silence follows its end."""
        first, count = round(start * self.rate), round(seconds * self.rate)
        there = self.waveform[:, first : first + count]
        return Samples(np.pad(there, ((0, 0), (0, count - there.shape[1]))), self.rate)


def read_samples(clip: VideoInfo, start: float, seconds: float, check: Check = no_check) -> Samples | None:
    """Read a part of the sound of a clip at its own rate, in mono or stereo; None where it is silent.

    start: seconds from its frame 0. What the file lacks before, in gaps of and after its sound is silence.
    Sound that cannot be decoded is told by an AnimateXWarning and counts as none.
    check: called several times a second meanwhile; what it raises ends the work.
    Raises InvalidInput for a start or length that cannot be.
    """
    sound = Sound(clip.path, start, seconds)
    if clip.audio_stream is None:
        return None
    first = clip.start + sound.start
    filters = ",".join(cut_filters(first, first + seconds))
    selected = [*source(clip.path), "-map", f"0:{clip.audio_stream}", "-af", filters]
    written = ["-c:a", "pcm_f32le", "-bitexact", "-flush_packets", "1", "-f", "wav", "pipe:1"]
    most = HEAD_BYTES + math.ceil((seconds + 1) * MAX_SAMPLE_RATE) * 2 * np.dtype(np.float32).itemsize
    guard = Guard(clip.path, check, quiet=skipping_seconds(sound.start), max_output=most)
    done = run(["-nostdin", "-v", "error", "-copyts", *selected, *written], guard)
    found = _parse_wave(done)
    if found is None:
        sentence = f"The sound of {str(clip.path)!r} cannot be decoded ({reason(done.log)}): it is left out."
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)
        return None
    return found.part(0.0, seconds)


def write_samples(path: str | Path, samples: Samples) -> Path:
    """Write sound as a wav file of 16 bits and return its path; what is louder than 1 is cut.

    More than eight channels, for which players know no places, become one. Raises StorageError.
    """
    waveform = samples.waveform
    placed_channels = waveform if len(waveform) <= MAX_CHANNELS else waveform.mean(axis=0, keepdims=True)
    limited = np.nan_to_num(placed_channels).clip(-1, 1)
    with atomic_write(path) as file, wave.open(file, "wb") as wav:
        wav.setnchannels(len(limited))
        wav.setsampwidth(2)
        wav.setframerate(samples.rate)
        wav.writeframes((limited * LOUDEST).round().astype("<i2").T.tobytes())
    return Path(path)


def _parse_wave(done: Finished) -> Samples | None:
    """Parse the wav file that ffmpeg writes into a pipe, whose head does not know its length."""
    data = done.output.find(b"data", 36)
    if done.status or data < 0:
        return None
    channels, rate = struct.unpack_from("<HI", done.output, done.output.index(b"fmt ") + 10)
    flat = np.frombuffer(done.output, "<f4", offset=data + 8)
    return Samples(flat.reshape(-1, channels).T.astype(np.float32), rate)
