"""Compare the sampler node inside ComfyUI with the core alone on the CPU, with the same weights.

python -m benchmarks.nodes COMFYUI [--frames 8] [--width 128] [--height 192] [--steps 5] [--rounds 3]

COMFYUI is the folder of ComfyUI. Both run alternately in one process; the best round of each counts.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.sampling import SamplingSettings, sample_latents
from animatex_core.animate_x.shapes import ClipShape
from benchmarks.measure import SMALL, generated_inputs, generated_unet
from tests.comfyui.probes.pack import pack, start

Job = Callable[[], Tensor]
SCALE = 0.18215  # scale of the core's latents relative to those of a LATENT


def jobs(shape: ClipShape, steps: int) -> dict[str, Job]:
    """Return the jobs: the core with separate or batched guidance passes, and the node."""
    unet, inputs = generated_unet(SMALL), generated_inputs(SMALL, shape)
    settings = SamplingSettings(steps=steps)
    core = partial(sample_latents, unet, inputs)
    return {
        "core, passes in turn": lambda: core(replace(settings, batch_guidance=False)),
        "core, one batch": lambda: core(replace(settings, batch_guidance=True)),
        "node": hosted(unet.state_dict(), inputs, settings),
    }


def hosted(weights: dict[str, Tensor], inputs: ConditionInputs, settings: SamplingSettings) -> Job:
    """Return the same job through ComfyUI; the node pack has its own copies of the core's classes."""
    import comfy.utils

    comfy.utils.PROGRESS_BAR_ENABLED = False
    config = pack("animatex_core.animate_x.config").DenoiserConfig.from_dict(SMALL.to_dict())
    file = pack("animatex_core.animate_x.checkpoint").DenoiserFile(config, weights, None)
    model = pack("nodes.comfy.loading").load_model(file, "generated weights")
    shape = pack("animatex_core.animate_x.shapes").ClipShape(**vars(inputs.shape))
    in_pack = pack("animatex_core.animate_x.conditions").ConditionInputs(**{**vars(inputs), "shape": shape})
    pair = pack("nodes.comfy.conditioning").conditioning_pair(in_pack)
    own = pack("animatex_core.animate_x.sampling").SamplingSettings(steps=settings.steps)
    latent = {"samples": torch.zeros(shape.frames, 4, *shape.latent_size)}
    sample_video = pack("nodes.comfy.sampling").sample_video
    return lambda: sample_video(model, pair, latent, own, 1.0)["samples"] * SCALE


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comfyui")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    start(options.comfyui)
    seconds: dict[str, list[float]] = {}
    with torch.inference_mode():
        work = jobs(ClipShape(options.width, options.height, options.frames), options.steps)
        results = {name: job() for name, job in work.items()}  # warm-up
        for _ in range(options.rounds):
            for name, job in work.items():
                before = time.process_time()  # less affected by other processes than the clock
                job()
                seconds.setdefault(name, []).append(time.process_time() - before)
    best = {name: min(times) for name, times in seconds.items()}
    for name, least in best.items():
        print(f"{name}: {least:.3f} s of the processor, ratio of the node {best['node'] / least:.3f}")
    core = results["core, one batch"][0].transpose(0, 1)
    print(f"largest difference {(results['node'] - core).abs().max():.1e}")


if __name__ == "__main__":
    main()
