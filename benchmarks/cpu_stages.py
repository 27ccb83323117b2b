"""Measure the CPU seconds that each stage of an animation takes per frame, in all threads and in ffmpeg.

Processor time, unlike time on the clock, hardly depends on what else runs on the machine. The pose models are
those of `benchmarks.poses`: generated convolutions at about the cost of the real ones.

python -m benchmarks.cpu_stages [--frames 32] [--rounds 3] [--net-frames 3]
"""

import argparse
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from animatex_core.animate_x.conditioning import MotionFeatures, ReferenceFeatures, clip_conditions
from animatex_core.animate_x.decoding import to_bytes
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.assets.demo_files import CHARACTERS, CLIP, DANCE
from animatex_core.encoders.preprocessing import clip_images
from animatex_core.pose.detector import letterbox
from animatex_core.pose.estimator import crop, region_around
from animatex_core.pose.formats.reader import read_poses
from animatex_core.reference import open_reference
from animatex_core.retarget.retarget import retarget_with_plan
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from benchmarks.clips import QUALITY, ffmpeg
from benchmarks.costs import cost_of
from benchmarks.poses import open_nets

WIDTH, HEIGHT = 512, 768
DRIVING = 720, 1280
PERSON = np.array([200.0, 200.0, 500.0, 1100.0])  # a box in it
FPS = 12


def report(what: str, frames: int, rounds: int, work: Callable[[], object]) -> None:
    """Print the least processor time per frame of several runs, after one that does not count."""
    work()
    best = min(cost_of(work).cpu for _ in range(rounds))
    print(f"{what:44s} {1000 * best / frames:9.2f} ms", flush=True)


def write_noisy(path: Path, size: tuple[int, int], frames: int) -> None:
    """Write a test pattern with noise, whose H.264 file is larger than that of most videos."""
    pattern = f"testsrc2=s={size[0]}x{size[1]}:r=24:d={frames / 24},noise=alls=12:allf=t"
    ffmpeg("-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", str(path))


def enlarged(frames: int) -> list[np.ndarray]:
    """Return frames of the demo's cartoon in the size of a result."""
    shown = read_frames(probe(CLIP), indices=range(frames))
    return [np.asarray(Image.fromarray(frame).resize((WIDTH, HEIGHT))) for frame in shown]


def dance(video: Path, frames: int, rounds: int, net_frames: int) -> None:
    """Measure what belongs to a dance."""
    clip = probe(video)
    chosen = range(0, 2 * frames, 2)
    report("decode 720x1280", frames, rounds, lambda: list(read_frames(clip, indices=chosen)))
    images = list(read_frames(clip, indices=range(frames)))
    report("letterbox for the detector", frames, rounds, lambda: [letterbox(image) for image in images])
    report("resize for CLIP", frames, rounds, lambda: clip_images(images))
    detector, estimator = open_nets(cost=1.0)
    box = letterbox(images[0])
    person = crop(images[0], region_around(PERSON))
    repeat = range(net_frames)
    report("detector network", net_frames, 1, lambda: [detector.run([box]) for _ in repeat])
    report("pose estimator network", net_frames, 1, lambda: [estimator.run([person]) for _ in repeat])


def job(folder: Path, frames: int, rounds: int) -> None:
    """Measure what belongs to one animation."""
    poses = read_poses(DANCE).select(range(frames))
    print(f"poses of the dance {len(pickle.dumps(poses)) / 1000:.1f} kB")
    picture = sorted(CHARACTERS.glob("*.png"))[0]
    reference = open_reference(picture, pose=poses.select([0]))
    report("retarget", frames, rounds, lambda: retarget_with_plan(poses, reference.character))
    shape = ClipShape(WIDTH, HEIGHT, frames)
    motion = MotionFeatures(torch.zeros(frames, 1024), poses, poses.width, poses.height)
    shown = ReferenceFeatures(np.asarray(Image.open(picture).convert("RGB")), torch.zeros(1, 1024))
    text = torch.zeros(1, 77, 1024)
    report("draw poses", frames, rounds, lambda: clip_conditions(shape, text, shown, poses, motion))
    decoded = torch.rand(frames, 3, HEIGHT, WIDTH)
    report("to 8 bits", frames, rounds, lambda: [to_bytes(frame) for frame in decoded])
    write_noisy(folder / "noisy.mp4", (WIDTH, HEIGHT), frames)
    noisy = list(read_frames(probe(folder / "noisy.mp4")))[:frames]
    for name, images in (("cartoon", enlarged(frames)), ("noise", noisy)):
        out = folder / f"{name}-out.mp4"
        write = partial(write_clip, out, images, fps=FPS, quality=QUALITY)
        report(f"write mp4, {name}", len(images), rounds, write)
        print(f"{'':10s}{out.stat().st_size / len(images) / 1000:9.1f} kB a frame")
        print(f"{'':10s}{_png_bytes(images, folder) / 1000:9.1f} kB a frame as PNG")


def _png_bytes(images: Sequence[np.ndarray], folder: Path) -> float:
    path = folder / "frame.png"
    Image.fromarray(images[0]).save(path)
    return path.stat().st_size


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--net-frames", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "driving.mp4"
        write_noisy(video, DRIVING, 2 * options.frames)
        print(f"driving video {video.stat().st_size / (2 * options.frames) / 1000:.1f} kB a frame")
        dance(video, options.frames, options.rounds, options.net_frames)
        job(folder, options.frames, options.rounds)


if __name__ == "__main__":
    main()
