"""Small videos made by ffmpeg, with numbered frames and a beep at each flash."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from animatex_core.video.ffmpeg import executable

WIDTH, HEIGHT, BITS = 64, 48, 8
RATE = 48000  # samples per second of `samples_of`


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return a frame whose upper half shows a number as black and white bars; the lower is grey."""
    frame = np.full((height, width, 3), 128, np.uint8)
    for bit in range(BITS):
        bar = slice(bit * width // BITS, (bit + 1) * width // BITS)
        frame[: height // 2, bar] = 255 * (number >> bit & 1)
    return frame


def number_of(frame: np.ndarray) -> int:
    """Read the number of a frame back."""
    bars = frame[frame.shape[0] // 4].mean(axis=-1)
    centres = ((np.arange(BITS) + 0.5) * frame.shape[1] / BITS).astype(int)
    return int(sum(1 << bit for bit, centre in enumerate(centres) if bars[centre] > 127))


def numbers_of(frames: Iterable[np.ndarray]) -> list[int]:
    """Read the numbers of frames back."""
    return [number_of(frame) for frame in frames]


def ffmpeg(*arguments: str, given: bytes = b"") -> bytes:
    """Run ffmpeg on its own and return its output."""
    command = [executable(), "-v", "error", "-y", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def make_clip(
    path: Path,
    count: int,
    fps: str = "24",
    options: Iterable[str] = (),
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Write numbered frames. options: those of the output, such as the codec."""
    raw = b"".join(numbered(number, *size).tobytes() for number in range(count))
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{size[0]}x{size[1]}",
        "-framerate",
        fps,
        "-i",
        "-",
    ]
    ffmpeg(*source, *options, str(path), given=raw)
    return path


def make_flash(path: Path, *, at: float = 2.0, seconds: float = 4.0, options: Iterable[str] = ()) -> Path:
    """Write a clip of 24 frames a second, white and beeping from `at` to 0.2 seconds later."""
    pictures = (
        f"color=black:s=64x48:r=24:d={seconds},geq=lum='255*between(T,{at - 0.01},{at + 0.19})':cb=128:cr=128"
    )
    beep = f"aevalsrc='0.5*sin(2*PI*1000*t)*between(t,{at},{at + 0.2})':s=44100:d={seconds}"
    ffmpeg(
        "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", beep, "-pix_fmt", "yuv420p", *options, str(path)
    )
    return path


def samples_of(path: Path) -> np.ndarray:
    """Decode the sound of a clip: (n,) float32 mono, where sample 0 belongs to time 0 of the clip."""
    filters = "aresample=48000:async=1:first_pts=0"
    raw = ffmpeg("-copyts", "-i", str(path), "-map", "0:a:0", "-af", filters, "-ac", "1", "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)


def beep_of(path: Path) -> float:
    """Return when the first beep of a clip begins, in seconds."""
    return float(np.flatnonzero(np.abs(samples_of(path)) > 0.15)[0]) / RATE


def flash_of(frames: Iterable[np.ndarray], fps: float) -> float:
    """Return when the first white frame is shown, in seconds."""
    return next(number for number, frame in enumerate(frames) if frame.mean() > 127) / fps
