"""Time and memory against the number of frames, all at once and in windows; and the memory estimate.

python -m benchmarks.frames [--frames 8 16 32 64 128] [--width 128] [--height 192] [--window 16]
"""

import argparse
from dataclasses import replace

import torch

from animatex_core.model.memory import activation_bytes
from animatex_core.sampling import SamplingSettings, Windows, sample_latents
from animatex_core.shapes import ClipShape
from benchmarks.measure import SMALL, generated_inputs, generated_unet, measured


def main() -> None:
    """Run and print a row for every number of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--window", type=int, default=16)
    options = parser.parse_args()
    unet = generated_unet(SMALL)
    plans = {"whole": None, "windows": Windows(options.window, options.window // 4)}
    warm_up = generated_inputs(SMALL, ClipShape(64, 64, 2))
    sample_latents(unet, warm_up, SamplingSettings(steps=1))
    print("frames  plan     s/step  s/frame  peak MiB  estimate MiB")
    for plan_name, plan in plans.items():
        for frames in options.frames:
            shape = ClipShape(options.width, options.height, frames)
            inputs = generated_inputs(SMALL, shape)
            settings = SamplingSettings(steps=2, solver="dpm++2m", long_clip=plan)
            with measured() as run:
                sample_latents(unet, inputs, settings)
            seconds = run.seconds / settings.steps
            at_once = replace(shape, frames=min(frames, options.window) if plan else frames)
            estimate = activation_bytes(SMALL, at_once, torch.float32)
            print(
                f"{frames:6d}  {plan_name:7s} {seconds:7.2f} {seconds / frames:8.3f} "
                f"{run.peak_bytes / 2**20:9.0f} {estimate / 2**20:13.0f}"
            )


if __name__ == "__main__":
    main()
