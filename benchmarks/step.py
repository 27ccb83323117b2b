"""Measure and profile one conditional step of the full-size model.

python -m benchmarks.step [--frames 2] [--width 512] [--height 768] [--precision float32] [--device cpu]
"""

import argparse

import torch
from torch.profiler import ProfilerActivity, profile

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.shapes import ClipShape
from benchmarks.measure import generated_inputs, generated_unet, measured


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    config, dtype = DenoiserConfig.released(), getattr(torch, options.precision)
    shape = ClipShape(options.width, options.height, options.frames)
    unet = generated_unet(config, options.device, dtype)
    if options.channels_last:
        unet.use_channels_last()
    inputs = generated_inputs(config, shape).to(options.device, dtype)
    x, t = torch.randn(shape.latents()).to(options.device, dtype), torch.tensor([981], device=options.device)
    with torch.inference_mode():
        with measured() as encoding:
            conditions = unet.encode(inputs)
        with measured() as step:
            unet(x, t, conditions)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            unet(x, t, conditions)
    print(f"encode conditions {encoding.seconds:.2f} s")
    print(f"one step of {shape.frames} frames {step.seconds:.2f} s, {step.peak_bytes / 2**30:.2f} GiB")
    print(
        profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=48)
    )


if __name__ == "__main__":
    main()
