"""Compare encoding conditions once per video with encoding them at every step.

python -m benchmarks.caching [--frames 16] [--steps 10] [--width 256] [--height 384]
"""

import argparse
from functools import partial

import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.sampling import SamplingSettings, sample_latents
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.diffusion.guidance import Guidance, with_guidance
from animatex_core.diffusion.schedule import NoiseSchedule, initial_noise, released_timesteps
from animatex_core.diffusion.solvers import ddim
from benchmarks.measure import SMALL, generated_inputs, generated_unet, measured


def naive(unet: AnimateXUNet, inputs: ConditionInputs, steps: int) -> Tensor:
    """Sample with all conditions encoded in every pass."""

    def predict(x: Tensor, t: Tensor, inputs: ConditionInputs) -> Tensor:
        return unet(x, t, unet.encode(inputs))

    passes = partial(predict, inputs=inputs), partial(predict, inputs=inputs.unconditional())
    noise = initial_noise(inputs.shape.latents(), seed=0)
    with torch.inference_mode():
        denoise, timesteps = with_guidance(*passes, Guidance()), released_timesteps(steps)
        return ddim(denoise, noise, NoiseSchedule.released(), timesteps)


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=384)
    options = parser.parse_args()
    unet = generated_unet(SMALL)
    shape = ClipShape(options.width, options.height, options.frames)
    inputs = generated_inputs(SMALL, shape)
    sample_latents(unet, inputs, SamplingSettings(steps=1))  # warm-up
    with measured() as cached:
        once = sample_latents(unet, inputs, SamplingSettings(steps=options.steps))
    with measured() as repeated:
        again = naive(unet, inputs, options.steps)
    print(f"encoded once {cached.seconds:.2f} s, at every step {repeated.seconds:.2f} s")
    difference = (once - again).abs().max()
    print(f"ratio {repeated.seconds / cached.seconds:.2f}, largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
