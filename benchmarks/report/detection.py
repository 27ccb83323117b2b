"""Detecting poses in stages that overlap, compared with frame by frame."""

from collections.abc import Sequence
from functools import partial

from animatex_core.pose.extractor import PoseExtractor
from benchmarks.costs import in_turn
from benchmarks.overlap import wall_seconds
from benchmarks.poses import clip, frame_by_frame, open_nets

from .rows import Options, Source, wall_ratios

FRAMES, WIDTH, HEIGHT = 6, 720, 1280
DECODE = 0.005  # seconds
STAGES = 0.02, 0.04, 0.03  # seconds that decoding, detection and estimation sleep
SLEEPING_FRAMES = 60
STAGED = "poses in stages at about the cost of the real models, compared with frame by frame"
EVERY_5 = "the same with `--detect-every 5`"
SLEEPING = "stages that sleep 20, 40 and 30 ms per frame, compared with the slowest alone"


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of times on the clock."""
    nets = open_nets(cost=1.0)
    extractor = PoseExtractor(*nets)
    frames = partial(clip, FRAMES, WIDTH, HEIGHT, DECODE)
    alone = partial(frame_by_frame, *nets)
    frame_by_frame(*nets, frames())  # so that no round contains the first run
    values: dict[str, Sequence[float]] = {}
    for what, every in ((STAGED, 1), (EVERY_5, 5)):
        extract = partial(extractor.extract, detect_every=every)
        pair = partial(_run, extract, frames), partial(_run, alone, frames)
        values[what] = wall_ratios(in_turn(*pair, options.rounds))
    least = SLEEPING_FRAMES * max(STAGES)
    values[SLEEPING] = [least / wall_seconds(SLEEPING_FRAMES, *STAGES) for _ in range(options.rounds)]
    return values


def _run(work: partial, frames: partial) -> None:
    work(frames())


SOURCE = Source("detection", (STAGED, EVERY_5, SLEEPING), measure)
