"""A gif from a lossless clip: one palette for all frames, so that still areas do not flicker."""

from pathlib import Path

from .encode import run_for


def to_gif(video: Path, gif: Path, target: Path, *, loop: bool) -> None:
    """Write `gif` from `video`. target: what the user asked for, for messages.

    The clip is read twice, once for its colours and once for its frames: in one go, ffmpeg would hold every
    frame in memory until the palette is known.
    """
    source = ["-i", str(video)]
    palette = run_for(target, [*source, "-vf", "palettegen", "-c:v", "png", "-f", "image2pipe", "pipe:1"])
    painted = ["-f", "png_pipe", "-i", "pipe:0", "-lavfi", "[0:v][1:v]paletteuse=dither=sierra2_4a"]
    run_for(target, [*source, *painted, "-loop", "0" if loop else "-1", "-f", "gif", str(gif)], given=palette)
