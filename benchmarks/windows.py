"""Measure what windows cost, and what is seen where they meet.

python -m benchmarks.windows FOLDER [--training-steps 5000] [--pairs 16] [--frames 64] [--steps 12]

FOLDER gets a small denoiser that sees the noise, unless it holds one (`windows_model`). It animates held-out
characters in windows of its length. For each kind of windows this prints the work, which is how often the
network sees each frame in a step, the PSNR of the animations and the seam: how much more their error changes
from one frame to the next where a window begins or ends in any step than elsewhere. 1 means that these places
are like any other.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from animatex_core.animate_x.components import PipelineComponents, load_small
from animatex_core.animate_x.sampling import SamplingSettings, Windows
from animatex_core.animate_x.windows import AlternatingWindows, WindowPlan
from animatex_core.diffusion.guidance import Guidance
from animatex_core.training.small_models.held_out import REAL, HeldOut, HeldOutSettings
from animatex_core.training.small_models.scores import psnr

from .windows_model import HEIGHT, WIDTH, make_bundle


@dataclass(frozen=True)
class Row:
    """What is measured of one kind of windows and one video."""

    work: float
    psnr: float
    seam: float


def plans(size: int) -> Mapping[str, WindowPlan | None]:
    """Return the kinds of windows that are compared."""
    return {
        "all frames at once": None,
        f"windows of {size}, none shared": Windows(size, 0),
        f"windows of {size}, {size // 4} shared": Windows(size, size // 4),
        f"windows of {size}, {size // 2} shared": Windows(size, size // 2),
        f"alternating windows of {size}": AlternatingWindows(size),
    }


def seam(found: np.ndarray, true: np.ndarray, places: set[int]) -> float:
    """Return how much more the error of (f, h, w, 3) uint8 changes before these frames than elsewhere."""
    changes = np.diff(found.astype(float) - true, axis=0)
    sizes = np.sqrt((changes**2).mean(axis=(1, 2, 3)))
    at = np.isin(np.arange(1, len(found)), list(places))
    return float(sizes[at].mean() / sizes[~at].mean())


def places(plan: WindowPlan, frames: int) -> set[int]:
    """Return the frames before which a window ends or begins in any step."""
    spans = [span for layout in plan.layouts(frames) for span in layout]
    return {place for span in spans for place in (span.start, span.stop)} - {0, frames}


def _seen(plan: WindowPlan, frames: int) -> float:
    """Return how many frames the network sees in a step, on average."""
    return float(np.mean([sum(map(len, layout)) for layout in plan.layouts(frames)]))


def measure(networks: PipelineComponents, settings: HeldOutSettings, size: int) -> Iterator[tuple[str, Row]]:
    """Yield a row for each kind of windows and pair."""
    frames = settings.frames
    meeting = places(Windows(size, 0), frames)
    for name, plan in plans(size).items():
        held_out = HeldOut(networks, replace(settings, sampling=replace(settings.sampling, long_clip=plan)))
        work = 1.0 if plan is None else _seen(plan, frames) / frames
        for pair in range(settings.pairs):
            case = held_out.case(pair)
            found, true = case.clips[REAL], case.triple.target.frames
            at = meeting if plan is None else places(plan, frames)
            yield name, Row(work, psnr(found, true), seam(found, true, at))


def main() -> None:
    """Measure all and print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--training-steps", type=int, default=5_000)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--solver", default="dpm++2m")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = make_bundle(options.folder, options.training_steps)
    networks = load_small(bundle, torch.float32, torch.device("cpu"))
    if options.frames <= networks.trained_on.frames:
        parser.error(f"--frames must be more than a window, which has {networks.trained_on.frames}")
    sampling = SamplingSettings(options.solver, options.steps, Guidance(1.5))
    settings = HeldOutSettings(
        options.pairs, options.frames, WIDTH, HEIGHT, sampling=sampling, driven_by=(REAL,)
    )
    rows: dict[str, list[Row]] = {}
    for name, row in measure(networks, settings, networks.trained_on.frames):
        rows.setdefault(name, []).append(row)
    for name, found in rows.items():
        means = {key: np.mean([vars(row)[key] for row in found]) for key in vars(found[0])}
        print(f"{name:32s}", "  ".join(f"{key} {value:.3f}" for key, value in means.items()), flush=True)


if __name__ == "__main__":
    main()
