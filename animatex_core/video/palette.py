"""A gif from a lossless clip: one palette for all frames, so that still areas do not flicker."""

from pathlib import Path

from ..progress import Check, no_check
from .containers import source
from .encode import run_for, written_to
from .watching import Guard


def to_gif(video: Path, gif: Path, target: Path, *, loop: bool, check: Check = no_check) -> None:
    """Write `gif` from `video`. target: what the user asked for, for messages.

    The clip is read twice, once for its colours and once for its frames: in one go, ffmpeg would hold every
    frame in memory until the palette is known. The first reading gives out nothing but a palette at its end:
    `showinfo` logs each frame as a sign of progress. check: as for `encode`.
    """
    clip, guard = source(video), Guard(target, check, gif)
    colours = ["-vf", "showinfo=checksum=0,palettegen", "-c:v", "png", "-f", "image2pipe", "pipe:1"]
    palette = run_for(guard, [*clip, *colours])
    painted = ["-f", "png_pipe", "-i", "pipe:0", "-lavfi", "[0:v][1:v]paletteuse=dither=sierra2_4a"]
    looping = ["-loop", "0" if loop else "-1", "-f", "gif", *written_to(gif)]
    run_for(guard, ["-v", "error", *clip, *painted, *looping], given=palette)
