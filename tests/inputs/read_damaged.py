"""A program that reads damaged files and tells what became of them and how much memory that took."""

import json
import resource
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

from animatex_core.errors import AnimateXError
from animatex_core.pose.formats.reader import read_poses
from animatex_core.video.audio_samples import read_samples
from animatex_core.video.image import read_image
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.inputs.damage import damaged


def read_video(path: Path) -> None:
    """Read the frames and the sound of a video, at most as many as a user would look at."""
    clip = probe(path)
    with closing(read_frames(clip)) as frames:
        for _ in islice(frames, 200):
            pass
    read_samples(clip, 0.0, 1.0)


READERS: dict[str, Callable[[Path], object]] = {
    "videos": read_video,
    "images": read_image,
    "poses": lambda path: read_poses(path, size=(64, 64)),
}


def main(kind: str, folder: str, first: str, last: str) -> dict[str, object]:
    """Read the damaged files of these seeds, each made of one of the whole files in turn."""
    warnings.simplefilter("ignore")
    whole = sorted(Path(folder).glob("*.*"))
    said = []
    for seed in range(int(first), int(last)):
        source = whole[seed % len(whole)]
        path = Path(folder, f"{kind}-{seed}").with_suffix(source.suffix)
        path.write_bytes(damaged(source.read_bytes(), seed))
        try:
            READERS[kind](path)
        except AnimateXError as error:
            said.append(str(error))
        path.unlink()
    return {
        "said": said,
        "peak": max(own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024),
    }


def own_peak() -> int:
    """Return the most memory of this process in bytes; that of getrusage would be inherited."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
