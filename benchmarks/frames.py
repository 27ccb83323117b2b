"""Measure time and memory against the number of frames, all at once and in windows.

Every measurement runs in a separate process.

python -m benchmarks.frames [--frames 8 16 32 64 128] [--width 128] [--height 192] [--window 16]
"""

import argparse
from itertools import product
from multiprocessing import get_context

from animatex_core.animate_x.sampling import SamplingSettings, Windows, sample_latents
from animatex_core.animate_x.shapes import ClipShape
from benchmarks.measure import SMALL, Measurement, generated_inputs, generated_unet, measured

STEPS = 2


def sample(shape: ClipShape, window: int | None) -> Measurement:
    """Measure the sampling of a video, all at once or in windows."""
    unet = generated_unet(SMALL)
    sample_latents(unet, generated_inputs(SMALL, ClipShape(64, 64, 2)), SamplingSettings(steps=1))  # warm-up
    plan = None if window is None else Windows(window, window // 4)
    inputs = generated_inputs(SMALL, shape)
    with measured() as result:
        sample_latents(unet, inputs, SamplingSettings(solver="dpm++2m", steps=STEPS, long_clip=plan))
    return result


def main() -> None:
    """Run the benchmark and print a row for every number of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--window", type=int, default=16)
    options = parser.parse_args()
    print("frames  plan     s/step  s/frame  peak MiB")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        for window, frames in product((None, options.window), options.frames):
            shape = ClipShape(options.width, options.height, frames)
            result = processes.apply(sample, (shape, window))
            seconds, plan = result.seconds / STEPS, "whole" if window is None else "windows"
            peak = result.peak_bytes / 2**20
            print(f"{frames:6d}  {plan:7s} {seconds:7.2f} {seconds / frames:8.3f} {peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
