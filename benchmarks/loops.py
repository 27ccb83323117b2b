"""Measure the seam of videos that loop, in open and in closed windows.

python -m benchmarks.loops [--frames 16] [--starts 4]

The character of the workflows swings its arms once, with the small built-in models. For each kind of windows
it prints the step from the last to the first frame, relative to the mean step between neighbours: of the
latents, and of what the model adds to the puppet, which loops by itself. The numbers are means over loops
that begin at different frames.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from animatex_core.animate_x.pipeline import AnimateXPipeline, AnimationSettings
from animatex_core.animate_x.windows import Windows, close_windows
from animatex_core.pose.draw import draw_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.reference import open_reference
from tests.loops.dances import dance

CHARACTER = "workflows/inputs/animate-x-character.png"
PLANS = {
    "windows of 8": Windows(8, 4),
    "windows of 8, closed": Windows(8, 4, closed=True),
    "all frames": None,
    "all frames, closed": close_windows(None),
}


@dataclass(frozen=True)
class DrawnDance:
    """Driving frames that show their poses."""

    poses: PoseSequence

    def frames(self) -> Iterator[np.ndarray]:
        """Draw the frames."""
        return draw_poses(self.poses)

    def require_all(self, found: int) -> None:
        """Every frame is there."""


def closing_step(frames: Tensor) -> float:
    """Return the step from the last to the first frame of (c, f, h, w), relative to the others' mean."""
    steps = (frames.roll(-1, 1) - frames).pow(2).mean(dim=(0, 2, 3)).sqrt()
    return (steps[-1] / steps[:-1].mean()).item()


def seams(pipeline: AnimateXPipeline, frames: int, start: int) -> dict[str, tuple[float, float]]:
    """Return the closing steps of a loop that begins at a frame, for each kind of windows."""
    reference = open_reference(CHARACTER, dwpose=pipeline.dwpose)
    driving = DrawnDance(dance((np.arange(frames) + start) / frames))
    retargeted = pipeline.retarget(reference, driving)
    settings = AnimationSettings(sampling=pipeline.sampling)
    made = pipeline.conditions(reference, driving, retargeted.poses, retargeted.own_pose, settings)
    assert made.puppet_latents is not None
    found = {}
    for name, plan in PLANS.items():
        latents = pipeline.sample(made, replace(pipeline.sampling, long_clip=plan))
        found[name] = closing_step(latents[0]), closing_step((latents - made.puppet_latents)[0])
    return found


def main() -> None:
    """Measure all and print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--starts", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = AnimateXPipeline.from_bundle("small")
    starts = range(0, options.frames, options.frames // options.starts)
    found = [seams(pipeline, options.frames, start) for start in starts]
    for name in PLANS:
        latents, added = np.mean([each[name] for each in found], axis=0)
        print(f"{name:24s} latents {latents:.3f}  added to the puppet {added:.3f}", flush=True)


if __name__ == "__main__":
    main()
