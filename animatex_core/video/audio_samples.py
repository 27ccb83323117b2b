"""Audio as samples in memory, for programs that pass it on."""

import math
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, warn
from ..utils.files import atomic_write
from ..utils.progress import Check, no_check
from ..utils.validation import require_int
from .audio import AudioSource, cut_filters, max_silent_seconds
from .containers import MAX_SAMPLE_RATE, input_args
from .ffmpeg import FFmpegResult, last_log_line, run
from .info import VideoInfo
from .process import Guard

LOUDEST = 32767  # of 16 bits
HEAD_BYTES = 4096  # of a wav file before its samples, at most
MAX_CHANNELS = 8


@dataclass(frozen=True, eq=False)
class AudioSamples:
    """Audio in memory.

    Attributes:
        waveform: (c, n) float32 in -1..1.
        rate: Samples per second.

    """

    waveform: NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        require_int("The sample rate of the audio", self.rate)
        if self.waveform.ndim != 2 or not self.waveform.shape[0]:
            raise InvalidInput(
                f"The audio has shape {self.waveform.shape}, but it must be (channels, samples): give audio."
            )

    def part(self, start: float, seconds: float) -> "AudioSamples":
        """Return `seconds` of it from `start` on, followed by silence after its end."""
        first, count = round(start * self.rate), round(seconds * self.rate)
        present = self.waveform[:, first : first + count]
        return AudioSamples(np.pad(present, ((0, 0), (0, count - present.shape[1]))), self.rate)


def read_samples(
    clip: VideoInfo, start: float, seconds: float, check: Check = no_check
) -> AudioSamples | None:
    """Read a part of the audio of a video at its own sample rate, in mono or stereo.

    Silence replaces what the file lacks before its audio, in gaps and after it.

    Args:
        clip: The video.
        start: Seconds from its frame 0.
        seconds: The length of the part.
        check: Called several times a second meanwhile; an exception stops the work.

    Returns:
        The audio; None if there is none or, with an AnimateXWarning, if it cannot be decoded.

    Raises:
        InvalidInput: The start or the length is invalid.

    """
    sound = AudioSource(clip.path, start, seconds)
    if clip.audio_stream is None:
        return None
    first = clip.start + sound.start
    filters = ",".join(cut_filters(first, first + seconds))
    selected = [*input_args(clip.path), "-map", f"0:{clip.audio_stream}", "-af", filters]
    written = ["-c:a", "pcm_f32le", "-bitexact", "-flush_packets", "1", "-f", "wav", "pipe:1"]
    most = HEAD_BYTES + math.ceil((seconds + 1) * MAX_SAMPLE_RATE) * 2 * np.dtype(np.float32).itemsize
    guard = Guard(clip.path, check, quiet=max_silent_seconds(sound.start), max_output=most)
    done = run(["-nostdin", "-v", "error", "-copyts", *selected, *written], guard)
    found = _parse_wave(done)
    if found is None:
        warn(
            f"The audio of {str(clip.path)!r} cannot be decoded ({last_log_line(done.log)}): it is left out."
        )
        return None
    return found.part(0.0, seconds)


def write_samples(path: str | Path, samples: AudioSamples) -> Path:
    """Write audio as a 16-bit wav file; values beyond -1..1 are clipped.

    Args:
        path: The file.
        samples: The audio; more than eight channels, which have no standard layout, are mixed to one.

    Returns:
        The path.

    Raises:
        StorageError: It cannot be written.

    """
    waveform = samples.waveform
    mixed = waveform if len(waveform) <= MAX_CHANNELS else waveform.mean(axis=0, keepdims=True)
    limited = np.nan_to_num(mixed).clip(-1, 1)
    with atomic_write(path) as file, wave.open(file, "wb") as wav:
        wav.setnchannels(len(limited))
        wav.setsampwidth(2)
        wav.setframerate(samples.rate)
        wav.writeframes((limited * LOUDEST).round().astype("<i2").T.tobytes())
    return Path(path)


def _parse_wave(done: FFmpegResult) -> AudioSamples | None:
    """Parse the wav file that ffmpeg writes into a pipe, whose header lacks the length."""
    data = done.output.find(b"data", 36)
    if done.status or data < 0:
        return None
    channels, rate = struct.unpack_from("<HI", done.output, done.output.index(b"fmt ") + 10)
    flat = np.frombuffer(done.output, "<f4", offset=data + 8)
    return AudioSamples(flat.reshape(-1, channels).T.astype(np.float32), rate)
