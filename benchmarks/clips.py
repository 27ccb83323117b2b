"""Measure reading and writing of videos against plain ffmpeg, and memory over a long video.

python -m benchmarks.clips [CLIP] [--repeats 5] [--minutes 10]
"""

import argparse
import subprocess
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from animatex_core.errors import AnimateXWarning
from animatex_core.video.ffmpeg import executable
from animatex_core.video.formats import MP4
from animatex_core.video.info import VideoInfo, count_frames, probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from benchmarks.costs import Work, in_turn

QUALITY = 7
READ, READ_TO_NULL = "read (ffmpeg: to a file of RGB)", "read (ffmpeg: to RGB and nowhere)"
WRITE, BOTH = "write mp4 (ffmpeg: from a file of RGB)", "read and write mp4"
# The usual conversion of HDR to SDR with plain ffmpeg.
TONE_MAPPED = (
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,tonemap=clip,"
    "zscale=transfer=iec61966-2-1:matrix=gbr:range=full,format=gbrp,format=rgb24"
)
SQUARED = "scale=iw*sar:ih,format=rgb24"
MARKS = "setparams=range=tv:color_primaries=bt2020:colorspace=bt2020nc:color_trc"
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
# Name: filters that generate the video, options of its encoder, and ffmpeg's own conversion.
LOOKS = {
    "HDR, PQ": (
        f"format=yuv420p10le,{MARKS}=smpte2084",
        ("-c:v", "libx265", "-preset", "ultrafast"),
        TONE_MAPPED,
    ),
    "HDR, HLG": (
        f"format=yuv420p10le,{MARKS}=arib-std-b67",
        ("-c:v", "libx265", "-preset", "ultrafast"),
        TONE_MAPPED,
    ),
    "pixels of 2:1": ("format=yuv420p,setsar=2/1", ("-preset", "ultrafast"), SQUARED),
    "interlaced": (
        "format=yuv420p,setfield=tff",
        ("-preset", "ultrafast", "-x264-params", "tff=1"),
        "bwdif=mode=send_frame,format=rgb24",
    ),
}
GENERATED = "testsrc2=s=512x768:r=24:d=8,noise=alls=12:allf=t"
OPTIONS = [*MP4.video(QUALITY), *MP4.container]


def ffmpeg(*arguments: str) -> None:
    """Run plain ffmpeg."""
    subprocess.run([executable(), "-nostdin", "-v", "error", "-y", *arguments], check=True)


def read(clip: VideoInfo) -> None:
    """Read and discard every frame."""
    deque(read_frames(clip), maxlen=0)


def compare(what: str, frames: int, ours: Work, alone: Work, repeats: int) -> None:
    """Run both alternately; print the best speeds and the median ratio of processor times."""
    costs = in_turn(ours, alone, repeats)
    best = [frames / min(cost.wall for cost in column) for column in zip(*costs, strict=True)]
    cpu = median(theirs.cpu / own.cpu for own, theirs in costs)
    print(f"{what:38s} {best[0]:8.0f} {best[1]:8.0f} {best[0] / best[1]:7.2f} {cpu:9.2f}", flush=True)


@dataclass(frozen=True)
class Pair:
    """Something done here and by ffmpeg alone, and the number of frames."""

    ours: Work
    alone: Work
    frames: int


def pairs(clip: VideoInfo, folder: Path) -> dict[str, Pair]:
    """Return reading, writing, and both at once, by name; `folder` is for the files."""
    frames, source = count_frames(clip), ["-i", str(clip.path), "-map", "0:V:0"]
    raw, out, own = folder / "raw.rgb", str(folder / "alone.mp4"), folder / "ours.mp4"
    held = list(read_frames(clip, indices=range(min(frames, 96))))
    raw.write_bytes(b"".join(frame.tobytes() for frame in held))
    size, rate = f"{clip.width}x{clip.height}", f"{clip.fps}"
    layout = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", rate, "-i", str(raw)]
    to_rgb = [*source, "-pix_fmt", "rgb24", "-f", "rawvideo", str(folder / "rgb")]
    to_null = [*source, "-vf", "format=rgb24", "-f", "null", "-"]
    write = partial(write_clip, own, fps=clip.fps, quality=QUALITY)
    return {
        READ: Pair(partial(read, clip), partial(ffmpeg, *to_rgb), frames),
        READ_TO_NULL: Pair(partial(read, clip), partial(ffmpeg, *to_null), frames),
        WRITE: Pair(lambda: write(held), partial(ffmpeg, *layout, *OPTIONS, out), len(held)),
        BOTH: Pair(lambda: write(read_frames(clip)), partial(ffmpeg, *source, *OPTIONS, out), frames),
    }


def speed(clip: VideoInfo, folder: Path, repeats: int) -> None:
    """Compare reading, writing, and both at once."""
    print(f"{clip.path.name}: {count_frames(clip)} frames of {clip.width}x{clip.height}")
    print("frames per second                          ours   ffmpeg   ratio  CPU ratio")
    for what, pair in pairs(clip, folder).items():
        compare(what, pair.frames, pair.ours, pair.alone, repeats)


def write_generated(folder: Path) -> Path:
    """Write a noisy test pattern of 512x768 pixels, and return its path."""
    path = folder / "generated.mp4"
    ffmpeg("-f", "lavfi", "-i", GENERATED, "-pix_fmt", "yuv420p", str(path))
    return path


def looks(folder: Path, repeats: int) -> None:
    """Compare reading videos that need a conversion with ffmpeg's own conversion to a file of RGB."""
    print("\nfiles whose frames are converted           ours   ffmpeg   ratio  CPU ratio")
    for name, (made, encoder, conversion) in LOOKS.items():
        path, out = folder / "looks.mkv", str(folder / "rgb")
        ffmpeg("-f", "lavfi", "-i", GENERATED, "-vf", made, *encoder, str(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnimateXWarning)
            clip = probe(path)
        alone = ["-i", str(path), "-map", "0:V:0", "-vf", conversion, "-f", "rawvideo", out]
        compare(f"read {name}", clip.frames or 0, partial(read, clip), partial(ffmpeg, *alone), repeats)


def memory(clip: VideoInfo, folder: Path, minutes: float) -> None:
    """Print the resident memory while a video is read and written repeatedly."""
    total = round(minutes * 60 * clip.fps)
    print(f"\nread and write {total} frames: resident MiB of this process, and of ffmpeg")
    peaks: dict[int, tuple[int, int]] = {}

    def watch(done: int, _: int) -> None:
        if done % 50 == 0:
            now = resident()
            tenth = 10 * done // (total + 1)
            peaks[tenth] = tuple(map(max, now, peaks.get(tenth, now)))  # type: ignore[assignment]

    write_clip(folder / "long.mp4", again(clip, total), fps=clip.fps, quality=QUALITY, progress=watch)
    for tenth, (own, children) in peaks.items():
        print(f"{10 * tenth:3d} % on {own / 2**20:8.0f} {children / 2**20:8.0f}")


def again(clip: VideoInfo, total: int) -> Iterator[np.ndarray]:
    """Yield `total` frames of a repeated video."""
    endless = chain.from_iterable(read_frames(info) for info in repeat(clip))
    return (frame for _, frame in zip(range(total), endless, strict=False))


def resident() -> tuple[int, int]:
    """Return the resident bytes of this process and of its children."""
    process = psutil.Process()
    return process.memory_info().rss, sum(child.memory_info().rss for child in process.children())


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        if options.clip is None:
            options.clip = write_generated(folder)
        clip = probe(options.clip)
        speed(clip, folder, options.repeats)
        looks(folder, options.repeats)
        memory(clip, folder, options.minutes)


if __name__ == "__main__":
    main()
